#pragma once

#include <array>
#include <cstdint>

namespace assay {

// Philox 4x32-10 (Salmon et al. 2011): 128 random bits, a bijection of the
// counter for each key.
std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter,
                               std::array<uint32_t, 2> key);

// Random numbers that are the same on every machine: the standard library's
// distributions differ between implementations. Counter based: the n-th number
// of a stream is a function of (seed, stream, n), so that proposal n needs none
// of those before it. Streams, and seeds, are independent of each other.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0);

  // Each equally likely.
  uint64_t NextBits();

  // In [0, 1), 53 bits.
  double Uniform();

  // In [0, bound), without bias. REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound);

 private:
  uint64_t seed_;
  uint64_t stream_;
  uint64_t counter_ = 0;
  uint64_t spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace assay
