#include "search/math/normal.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace assay {
namespace {

constexpr double kSqrt2 = 1.41421356237309504880;
constexpr double kSqrtPi = 1.77245385090551602730;
constexpr double kLogSqrt2Pi = 0.91893853320467274178;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Below it the tails are taken from the continued fraction.
constexpr double kTail = -5;
constexpr int kTerms = 60;  // Enough for 1e-16 at 5.

// The C of Mills' ratio (1 - Phi(t)) / phi(t) = 1 / (t + C):
// C = 1 / (t + 2 / (t + 3 / (t + ...))), Abramowitz & Stegun 26.2.14.
// REQUIRES: t >= -kTail.
double MillsTail(double t) {
  double tail = 0;
  for (int k = kTerms; k >= 1; --k) tail = k / (t + tail);
  return tail;
}

// Acklam's rational approximation, good to 1.2e-9, for 0 < p <= 1/2.
double RoughQuantile(double p) {
  if (p < 0.02425) {
    const double q = std::sqrt(-2 * std::log(p));
    return (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q -
               2.400758277161838e+00) *
                  q -
              2.549732539343734e+00) *
                 q +
             4.374664141464968e+00) *
                q +
            2.938163982698783e+00) /
           ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q +
              2.445134137142996e+00) *
                 q +
             3.754408661907416e+00) *
                q +
            1);
  }
  const double q = p - 0.5;
  const double r = q * q;
  return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r -
             2.759285104469687e+02) *
                r +
            1.383577518672690e+02) *
               r -
           3.066479806614716e+01) *
              r +
          2.506628277459239e+00) *
         q /
         (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r -
             1.556989798598866e+02) *
                r +
            6.680131188771972e+01) *
               r -
           1.328068155288572e+01) *
              r +
          1);
}

}  // namespace

double NormalDensity(double z) { return std::exp(-z * z / 2 - kLogSqrt2Pi); }

double NormalCdf(double z) { return std::erfc(-z / kSqrt2) / 2; }

double LogNormalCdf(double z) {
  if (z > 0) return std::log1p(-NormalCdf(-z));
  if (z > kTail) return std::log(NormalCdf(z));
  return -z * z / 2 - kLogSqrt2Pi - std::log(-z + MillsTail(-z));
}

double LogNormalCdfSlope(double z) {
  if (z > kTail) return NormalDensity(z) / NormalCdf(z);
  return -z + MillsTail(-z);
}

// One step of Halley's method on log Phi(x) = log p, in the lower half.
double NormalQuantile(double p) {
  assert(p >= 0 && p <= 1);
  if (p == 0) return -kInfinity;
  if (p > 0.5) return p == 1 ? kInfinity : -NormalQuantile(1 - p);
  const double x = RoughQuantile(p);
  const double ratio = LogNormalCdfSlope(x);
  const double error = (LogNormalCdf(x) - std::log(p)) / ratio;
  return x - error / (1 + error * (x + ratio) / 2);
}

// x^2 is rounded: fma() gives what was lost, which exp() would magnify.
double Erfcx(double x) {
  if (x >= -kTail) {
    const double t = x * kSqrt2;
    return kSqrt2 / (kSqrtPi * (t + MillsTail(t)));
  }
  const double square = x * x;
  const double lost = std::fma(x, x, -square);
  return std::exp(square) * std::erfc(x) * (1 + lost);
}

double ImprovementDensity(double z) {
  if (z > kTail) return NormalDensity(z) + z * NormalCdf(z);
  return std::exp(LogImprovement(z));
}

// h / phi = 1 - t / (t + C) = C / (t + C) with t = -z: nothing cancels.
double LogImprovement(double z) {
  if (z > kTail) return std::log(ImprovementDensity(z));
  const double tail = MillsTail(-z);
  return -z * z / 2 - kLogSqrt2Pi + std::log(tail / (-z + tail));
}

// Phi / h = (1 / (t + C)) / (C / (t + C)).
double LogImprovementSlope(double z) {
  if (z > kTail) return NormalCdf(z) / ImprovementDensity(z);
  return 1 / MillsTail(-z);
}

double DrawNormal(Random& random) {
  return NormalQuantile(random.Uniform() + 0x1p-54);
}

double DrawTruncatedNormal(double mean, double sigma, Random& random) {
  assert(mean >= 0 && mean <= 1 && sigma > 0);
  const double low = NormalCdf(-mean / sigma);
  const double high = NormalCdf((1 - mean) / sigma);
  const double p = low + (random.Uniform() + 0x1p-54) * (high - low);
  if (p >= 1) return 1;
  return std::clamp(mean + sigma * NormalQuantile(p), 0.0, 1.0);
}

}  // namespace assay
