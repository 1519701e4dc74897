#include "search/strategies/evolution/operators.h"

#include <algorithm>
#include <cmath>

namespace assay {
namespace {

constexpr double kSame = 1e-14;  // Parents closer than this are one.

// By how much the children are further apart than their parents, who are
// `distance` apart and at least `to_bound` away from the bound.
double Spread(double distance, double to_bound, double eta, double random) {
  const double widest = 1 + 2 * to_bound / distance;
  const double alpha = 2 - std::pow(widest, -(eta + 1));
  const double power = 1 / (eta + 1);
  return random <= 1 / alpha ? std::pow(random * alpha, power)
                             : std::pow(1 / (2 - random * alpha), power);
}

}  // namespace

double SimulatedBinaryCrossover(double a, double b, double eta,
                                Random& random) {
  const bool upper = random.Below(2) == 1;
  const double r = random.Uniform();
  const double low = std::min(a, b), high = std::max(a, b);
  if (high - low < kSame) return upper ? a : b;
  const double to_bound = upper ? 1 - high : low;
  const double half = Spread(high - low, to_bound, eta, r) * (high - low) / 2;
  const double middle = (low + high) / 2;
  return std::clamp(upper ? middle + half : middle - half, 0.0, 1.0);
}

double PolynomialMutation(double u, double eta, Random& random) {
  const double r = random.Uniform();
  const double away = r < 0.5 ? 1 - u : u;  // From the bound not stepped to.
  const double tail = 2 * std::min(r, 1 - r);
  const double step =
      1 - std::pow(tail + (1 - tail) * std::pow(away, eta + 1), 1 / (eta + 1));
  return std::clamp(r < 0.5 ? u - step : u + step, 0.0, 1.0);
}

double Reflect(double u) {
  const double folded = std::fabs(std::remainder(u, 2.0));
  return std::clamp(folded, 0.0, 1.0);
}

}  // namespace assay
