#pragma once

#include <cstdint>
#include <vector>

namespace assay {

constexpr int kSobolDimensions = 256;
constexpr int64_t kSobolPoints = int64_t{1} << 32;

// Coordinate `dimension` of point `index` of the Sobol sequence in Gray-code
// order, as a 32-bit binary fraction. Direction numbers: Joe & Kuo 2008.
// REQUIRES: 0 <= dimension < kSobolDimensions.
uint32_t SobolBits(uint32_t index, int dimension);

// Scrambles one coordinate as a random binary tree would (nested uniform
// scrambling of Owen 1995, by the hash of Laine & Karras 2011): what made the
// points even stays true of them.
uint32_t OwenScramble(uint32_t bits, uint32_t seed);

// The Sobol sequence, scrambled by a seed. Points are functions of their index.
class ScrambledSobol {
 public:
  ScrambledSobol(int dimensions, uint64_t seed);

  // [dimensions], each in (0, 1). Coordinates beyond kSobolDimensions, and
  // points beyond kSobolPoints, are plain random numbers. REQUIRES: index >= 0.
  std::vector<double> Point(int64_t index) const;

 private:
  const int dimensions_;
  const uint64_t seed_;
  std::vector<uint32_t> scrambles_;  // A seed for each Sobol dimension.
};

}  // namespace assay
