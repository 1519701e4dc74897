#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace assay {

// The 64-bit FNV-1a hash of a stream of bytes: the same on every machine, for
// keys and not for secrets (Fowler, Noll and Vo; draft-eastlake-fnv).
class Fnv {
 public:
  void Add(char byte) {
    hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  }
  void Add(absl::string_view bytes) {
    for (const char byte : bytes) Add(byte);
  }

  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace assay
