#include "search/gp/matern.h"

#include <bit>
#include <cmath>

// Clones for newer processors, chosen when the program starts. The choice runs
// too early for the sanitizers, whose builds do without.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ASSAY_VECTOR_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ASSAY_VECTOR_CLONES
#endif

namespace assay {
namespace {

constexpr double kSqrt5 = 2.23606797749978969641;

// e^x for x <= 0, without a branch: 2^k e^r with |r| <= log(2) / 2 and the
// series of e^r up to r^12 / 12!, whose rest is below 2e-16. Below -708: as at
// -708, 3e-308.
inline __attribute__((always_inline)) double Exp(double x) {
  constexpr double kLog2E = 1.44269504088896340736;
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr double kRound = 0x1.8p52;  // Its last bits hold a whole number.
  const double clamped = x < -708.0 ? -708.0 : x;
  const double shifted = clamped * kLog2E + kRound;
  const double k = shifted - kRound;
  const double r = (clamped - k * kLn2High) - k * kLn2Low;
  double e = 1.0 / 479001600.0;
  e = e * r + 1.0 / 39916800.0;
  e = e * r + 1.0 / 3628800.0;
  e = e * r + 1.0 / 362880.0;
  e = e * r + 1.0 / 40320.0;
  e = e * r + 1.0 / 5040.0;
  e = e * r + 1.0 / 720.0;
  e = e * r + 1.0 / 120.0;
  e = e * r + 1.0 / 24.0;
  e = e * r + 1.0 / 6.0;
  e = e * r + 0.5;
  e = e * r + 1.0;
  e = e * r + 1.0;
  const uint64_t exponent = std::bit_cast<uint64_t>(shifted) << 52;
  return std::bit_cast<double>(std::bit_cast<uint64_t>(e) + exponent);
}

}  // namespace

ASSAY_VECTOR_CLONES
void WeightedDistances(const MaternColumns& rows, const double* z,
                       ptrdiff_t z_stride, int n, double* r2) {
  for (int i = 0; i < n; ++i) r2[i] = 0;
  for (int c = 0; c < rows.columns; ++c) {
    const double* x = rows.x + c * rows.stride;
    const double zc = z[c * z_stride];
    const double weight = rows.weights[c];
    if (rows.hamming[c]) {
#pragma omp simd
      for (int i = 0; i < n; ++i) r2[i] += x[i] != zc ? weight : 0.0;
    } else {
#pragma omp simd
      for (int i = 0; i < n; ++i) {
        r2[i] += weight * (x[i] - zc) * (x[i] - zc);
      }
    }
  }
}

ASSAY_VECTOR_CLONES
void MaternValues(double variance, int n, double* r2) {
#pragma omp simd
  for (int i = 0; i < n; ++i) {
    const double a = kSqrt5 * std::sqrt(r2[i]);
    r2[i] = variance * (1 + a + a * a * (1.0 / 3.0)) * Exp(-a);
  }
}

ASSAY_VECTOR_CLONES
void MaternSlopes(double variance, int n, double* r2, double* slope) {
#pragma omp simd
  for (int i = 0; i < n; ++i) {
    const double a = kSqrt5 * std::sqrt(r2[i]);
    const double e = variance * Exp(-a);
    r2[i] = (1 + a + a * a * (1.0 / 3.0)) * e;
    slope[i] = (-5.0 / 6.0) * (1 + a) * e;
  }
}

ASSAY_VECTOR_CLONES
void MaternCurvatures(double variance, int n, double* r2, double* curvature) {
#pragma omp simd
  for (int i = 0; i < n; ++i) {
    const double a = kSqrt5 * std::sqrt(r2[i]);
    const double e = variance * Exp(-a);
    r2[i] = (-5.0 / 6.0) * (1 + a) * e;
    curvature[i] = (25.0 / 12.0) * e;
  }
}

ASSAY_VECTOR_CLONES
void AddColumnSums(const MaternColumns& rows, const double* z,
                   ptrdiff_t z_stride, int n, const double* s, double* sums) {
  for (int c = 0; c < rows.columns; ++c) {
    const double* x = rows.x + c * rows.stride;
    const double zc = z[c * z_stride];
    double sum = 0;
    if (rows.hamming[c]) {
#pragma omp simd reduction(+ : sum)
      for (int i = 0; i < n; ++i) sum += x[i] != zc ? s[i] : 0.0;
    } else {
#pragma omp simd reduction(+ : sum)
      for (int i = 0; i < n; ++i) sum += s[i] * (x[i] - zc) * (x[i] - zc);
    }
    sums[c] += sum;
  }
}

ASSAY_VECTOR_CLONES
double MaternWeights(const double* inverse, const double* alpha, double alpha_z,
                     const double* value, const double* slope, int n,
                     double* s) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; ++i) {
    const double w = inverse[i] - alpha[i] * alpha_z;
    s[i] = w * slope[i];
    sum += w * value[i];
  }
  return sum;
}

}  // namespace assay
