#include "search/gradient/adam.h"

#include <algorithm>
#include <cmath>

namespace assay {
namespace {

constexpr double kBeta1 = 0.5;
constexpr double kBeta2 = 0.9;
constexpr double kMostRates = 2;

// What is left of a derivative beside its noise.
double Shrunk(double value, double deviation) {
  if (std::isnan(deviation) || value == 0) return value;
  const double noise = deviation / value;
  return value * std::max(0.0, 1 - noise * noise);
}

}  // namespace

Adam::Adam(int size) : mean_(size, 0), square_(size, 0) {}

std::vector<double> Adam::Step(const UnitGradient& gradient, double rate) {
  ++count_;
  const double mean_share = 1 - std::pow(kBeta1, count_);
  const double square_share = 1 - std::pow(kBeta2, count_);
  std::vector<double> step(mean_.size(), 0);
  for (size_t i = 0; i < step.size(); ++i) {
    const double value = gradient.values[i];
    const double told = std::isnan(value) ? 0 : value;
    mean_[i] =
        kBeta1 * mean_[i] + (1 - kBeta1) * Shrunk(told, gradient.deviations[i]);
    square_[i] = kBeta2 * square_[i] + (1 - kBeta2) * told * told;
    if (std::isnan(value) || square_[i] == 0) continue;
    const double ratio =
        mean_[i] / mean_share / std::sqrt(square_[i] / square_share);
    step[i] = rate * std::clamp(ratio, -kMostRates, kMostRates);
  }
  return step;
}

}  // namespace assay
