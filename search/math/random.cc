#include "search/math/random.h"

#include <cassert>

namespace assay {
namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;  // The golden ratio.
constexpr uint32_t kWeyl1 = 0xBB67AE85;  // sqrt(3) - 1.
constexpr int kRounds = 10;

uint32_t Low(uint64_t value) { return static_cast<uint32_t>(value); }
uint32_t High(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

uint64_t Join(uint32_t low, uint32_t high) {
  return static_cast<uint64_t>(high) << 32 | low;
}

}  // namespace

std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter,
                               std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t a = uint64_t{kMultiplier0} * counter[0];
    const uint64_t b = uint64_t{kMultiplier1} * counter[2];
    counter = {High(b) ^ counter[1] ^ key[0], Low(b),
               High(a) ^ counter[3] ^ key[1], Low(a)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Random::Random(uint64_t seed, uint64_t stream) : seed_(seed), stream_(stream) {}

uint64_t Random::NextBits() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const auto bits =
      Philox({Low(counter_), High(counter_), Low(stream_), High(stream_)},
             {Low(seed_), High(seed_)});
  ++counter_;
  spare_ = Join(bits[2], bits[3]);
  has_spare_ = true;
  return Join(bits[0], bits[1]);
}

double Random::Uniform() {
  return static_cast<double>(NextBits() >> 11) * 0x1p-53;
}

// Lemire 2019: the high half of bits * bound, redrawn where it would be biased.
uint64_t Random::Below(uint64_t bound) {
  assert(bound > 0);
  const uint64_t biased = -bound % bound;  // 2^64 mod bound.
  while (true) {
    const Uint128 product = static_cast<Uint128>(NextBits()) * bound;
    if (static_cast<uint64_t>(product) >= biased) {
      return static_cast<uint64_t>(product >> 64);
    }
  }
}

}  // namespace assay
