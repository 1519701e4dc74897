#include "search/math/gaussian.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace assay {
namespace {

// P. J. Acklam, "An algorithm for computing the inverse normal cumulative
// distribution function", 2003.
constexpr double kA[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                         -2.759285104469687e+02, 1.383577518672690e+02,
                         -3.066479806614716e+01, 2.506628277459239e+00};
constexpr double kB[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                         -1.556989798598866e+02, 6.680131188771972e+01,
                         -1.328068155288572e+01};
constexpr double kC[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                         -2.400758277161838e+00, -2.549732539343734e+00,
                         4.374664141464968e+00,  2.938163982698783e+00};
constexpr double kD[] = {7.784695709041462e-03, 3.224671290700398e-01,
                         2.445134137142996e+00, 3.754408661907416e+00};
constexpr double kTail = 0.02425;

// Highest power first.
template <size_t n>
double Polynomial(const double (&c)[n], double x) {
  double value = 0;
  for (const double coefficient : c) value = value * x + coefficient;
  return value;
}

// REQUIRES: 0 < p < kTail.
double LowerTail(double p) {
  const double q = std::sqrt(-2 * std::log(p));
  return Polynomial(kC, q) / (Polynomial(kD, q) * q + 1);
}

}  // namespace

double GaussianCdf(double x) { return 0.5 * std::erfc(-x * M_SQRT1_2); }

double GaussianQuantile(double p) {
  assert(p > 0 && p < 1);
  if (p < kTail) return LowerTail(p);
  if (p > 1 - kTail) return -LowerTail(1 - p);
  const double q = p - 0.5;
  const double r = q * q;
  return Polynomial(kA, r) * q / (Polynomial(kB, r) * r + 1);
}

double DrawGaussian(Random& random) {
  return GaussianQuantile(random.Uniform() + 0x1p-54);
}

double DrawTruncatedGaussian(double mean, double sigma, Random& random) {
  assert(mean >= 0 && mean <= 1 && sigma > 0);
  const double low = GaussianCdf(-mean / sigma);
  const double high = GaussianCdf((1 - mean) / sigma);
  const double p = low + (random.Uniform() + 0x1p-54) * (high - low);
  if (p >= 1) return 1;
  return std::clamp(mean + sigma * GaussianQuantile(p), 0.0, 1.0);
}

}  // namespace assay
