#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace assay {

// A folder of chunks known by their SHA-256: PATH/ab/abcdef..., 64 hex digits.
// The server's checkpoints lie in one, a worker's cache is one, and a folder
// that machines share may be read and written by all of them at once: a file
// appears whole, under its name, or not at all. Hashes here are 32 bytes, not
// digits. Thread-safe; every call may wait for the disk.
class ChunkFolder {
 public:
  // kDurable: what Put() has taken survives a power cut.
  enum class Sync { kDurable, kNone };

  // Makes the folder if there is none, and removes what earlier writers left
  // half done more than an hour ago. Errors: what the file system says.
  static absl::StatusOr<std::unique_ptr<ChunkFolder>> Open(std::string path,
                                                           Sync sync);

  const std::string& path() const { return path_; }

  // InvalidArgument if `data` has another hash. OK if it is there already.
  absl::Status Put(const std::string& hash, absl::string_view data) const;

  // NotFound; DataLoss if what lies there has another hash.
  absl::StatusOr<std::string> Get(const std::string& hash) const;

  // Whether a file of that size lies there; its content is not read.
  bool Has(const std::string& hash, int64_t size) const;

  // NotFound.
  absl::Status Remove(const std::string& hash) const;

  // Marks it as used now.
  void Touch(const std::string& hash) const;

  struct Entry {
    std::string hash;
    int64_t size = 0;
    absl::Time touched;  // Or written.
  };
  // Each chunk, in no order. What comes or goes meanwhile may be missed.
  void ForEach(const std::function<void(const Entry&)>& visit) const;

 private:
  ChunkFolder(std::string path, Sync sync)
      : path_(std::move(path)), sync_(sync) {}
  void RemoveLeftovers() const;

  const std::string path_;
  const Sync sync_;
};

}  // namespace assay
