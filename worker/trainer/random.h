#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace assay {

// xoshiro256** (Blackman and Vigna 2018), seeded through SplitMix64. The same
// seed gives the same numbers with every compiler and standard library, which
// std::shuffle and the distributions of <random> do not promise.
class Random {
 public:
  using State = std::array<uint64_t, 4>;

  explicit Random(const State& state) : state_(state) {}
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  const State& state() const { return state_; }

  uint64_t Next() {
    const uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = RotateLeft(state_[3], 45);
    return result;
  }

  // In [0, bound), without bias; bound > 0.
  uint64_t Below(uint64_t bound) {
    const uint64_t first_fair = -bound % bound;  // 2^64 mod bound.
    for (;;) {
      const uint64_t value = Next();
      if (value >= first_fair) return value % bound;
    }
  }

  double Uniform() {  // In [0, 1).
    return static_cast<double>(Next() >> 11) * 0x1p-53;
  }

  double Normal() {  // Marsaglia's polar method.
    for (;;) {
      const double x = 2 * Uniform() - 1;
      const double y = 2 * Uniform() - 1;
      const double square = x * x + y * y;
      if (square > 0 && square < 1) {
        return x * std::sqrt(-2 * std::log(square) / square);
      }
    }
  }

  // 0 to size - 1 in random order (Fisher and Yates).
  std::vector<int64_t> Permutation(int64_t size) {
    std::vector<int64_t> order(size);
    std::iota(order.begin(), order.end(), int64_t{0});
    for (int64_t i = size - 1; i > 0; --i) {
      std::swap(order[i], order[Below(static_cast<uint64_t>(i) + 1)]);
    }
    return order;
  }

 private:
  static uint64_t RotateLeft(uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
  }

  State state_;
};

}  // namespace assay
