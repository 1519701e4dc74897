#pragma once

#include <cstdint>
#include <cstring>

namespace assay {

// e^x to within 2e-7 of its value, for a compiler that turns a loop over it
// into vector instructions; below e^-87, 0 or no more than 2e-38.
// REQUIRES: x <= 88.
inline float FastExp(float x) {
  constexpr float kLowest = -87.0f;
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;  // Exact times |n| < 2^9.
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23.
  const float inside = x < kLowest ? kLowest : x;
  const float n = (inside * kLog2E + kRound) - kRound;
  const float r = (inside - n * kLn2High) - n * kLn2Low;  // |r| <= ln 2 / 2.
  // Cephes' minimax polynomial of expf.
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof(scale));
  return p * scale;
}

}  // namespace assay
