#include "search/math/sobol.h"

#include <algorithm>
#include <array>

#include "search/math/random.h"

namespace assay {
namespace {

constexpr int kBits = 32;
constexpr int kMaxDegree = 12;

struct Seeds {
  uint16_t polynomial;
  uint16_t m[kMaxDegree];
};
constexpr Seeds kSeeds[kSobolDimensions] = {
#include "search/math/sobol_directions.inc"
};

using Directions = std::array<uint32_t, kBits>;

int DegreeOf(uint32_t polynomial) {
  int degree = 0;
  while (polynomial >> (degree + 1)) ++degree;
  return degree;
}

// The first dimension: the van der Corput sequence.
Directions Identity() {
  Directions v;
  for (int k = 0; k < kBits; ++k) v[k] = uint32_t{1} << (kBits - 1 - k);
  return v;
}

// (eqs. 2 and 3), Joe & Kuo 2008, with v_k = m_k / 2^k as a binary fraction.
Directions DirectionsOf(const Seeds& seeds) {
  const int degree = DegreeOf(seeds.polynomial);
  if (degree == 0) return Identity();
  Directions v;
  for (int k = 0; k < degree; ++k) {
    v[k] = uint32_t{seeds.m[k]} << (kBits - 1 - k);
  }
  for (int k = degree; k < kBits; ++k) {
    v[k] = v[k - degree] ^ (v[k - degree] >> degree);
    for (int j = 1; j < degree; ++j) {
      if (seeds.polynomial >> (degree - j) & 1) v[k] ^= v[k - j];
    }
  }
  return v;
}

std::array<Directions, kSobolDimensions> AllDirections() {
  std::array<Directions, kSobolDimensions> all;
  for (int i = 0; i < kSobolDimensions; ++i) all[i] = DirectionsOf(kSeeds[i]);
  return all;
}

uint32_t Reverse(uint32_t x) {
  x = (x & 0x55555555) << 1 | (x >> 1 & 0x55555555);
  x = (x & 0x33333333) << 2 | (x >> 2 & 0x33333333);
  x = (x & 0x0F0F0F0F) << 4 | (x >> 4 & 0x0F0F0F0F);
  return __builtin_bswap32(x);
}

// Each bit of the result depends on the lower bits alone. Constants of
// N. Vegdahl's improved Laine-Karras hash (2021).
uint32_t LaineKarras(uint32_t x, uint32_t seed) {
  x ^= x * 0x3D20ADEA;
  x += seed;
  x *= seed >> 16 | 1;
  x ^= x * 0x05526C56;
  x ^= x * 0x53A22864;
  return x;
}

double ToUnit(uint32_t bits) { return (bits + 0.5) * 0x1p-32; }

}  // namespace

uint32_t SobolBits(uint32_t index, int dimension) {
  static const auto* const directions =
      new std::array<Directions, kSobolDimensions>(AllDirections());
  const Directions& v = (*directions)[dimension];
  uint32_t bits = 0;
  for (uint32_t gray = index ^ index >> 1; gray != 0; gray &= gray - 1) {
    bits ^= v[__builtin_ctz(gray)];
  }
  return bits;
}

uint32_t OwenScramble(uint32_t bits, uint32_t seed) {
  return Reverse(LaineKarras(Reverse(bits), seed));
}

ScrambledSobol::ScrambledSobol(int dimensions, uint64_t seed)
    : dimensions_(dimensions), seed_(seed) {
  Random random(seed, ~uint64_t{0});
  scrambles_.resize(std::min(dimensions, kSobolDimensions));
  for (uint32_t& scramble : scrambles_) {
    scramble = static_cast<uint32_t>(random.NextBits() >> 32);
  }
}

std::vector<double> ScrambledSobol::Point(int64_t index) const {
  std::vector<double> point(dimensions_);
  const size_t even = index < kSobolPoints ? scrambles_.size() : 0;
  for (size_t i = 0; i < even; ++i) {
    const uint32_t bits =
        SobolBits(static_cast<uint32_t>(index), static_cast<int>(i));
    point[i] = ToUnit(OwenScramble(bits, scrambles_[i]));
  }
  Random random(seed_, static_cast<uint64_t>(index));
  for (size_t i = even; i < point.size(); ++i) point[i] = random.Uniform();
  return point;
}

}  // namespace assay
