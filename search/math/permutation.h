#pragma once

#include <array>
#include <cstdint>

namespace assay {

// A random order of 0, 1, ..., size - 1 that needs no memory: a Feistel network
// over the next power of four, applied again until the result is below `size`
// (cycle walking, Black & Rogaway 2002).
class Permutation {
 public:
  // REQUIRES: 1 <= size <= 2^62.
  Permutation(int64_t size, uint64_t seed);

  // REQUIRES: 0 <= i < size.
  int64_t operator()(int64_t i) const;

 private:
  static constexpr int kRounds = 8;

  uint64_t Encrypt(uint64_t block) const;

  uint64_t size_;
  int half_bits_;
  std::array<uint64_t, kRounds> keys_;
};

}  // namespace assay
