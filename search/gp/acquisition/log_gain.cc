#include "search/gp/acquisition/log_gain.h"

#include <cmath>
#include <utility>

namespace assay {
namespace {

constexpr double kTail = -30;  // Below it softplus(z) is e^z to the last digit.

struct ValueAndSlope {
  double value;
  double slope;
};

ValueAndSlope LogSoftplus(double z) {
  if (z < kTail) return {z, 1};
  const double softplus =
      z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
  return {std::log(softplus), 1 / ((1 + std::exp(-z)) * softplus)};
}

}  // namespace

LogGain::LogGain(std::unique_ptr<const Acquisition> acquisition,
                 double reference)
    : acquisition_(std::move(acquisition)), reference_(reference) {}

Score LogGain::Evaluate(absl::Span<const Belief> beliefs) const {
  Score score = acquisition_->Evaluate(beliefs);
  const auto [value, slope] = LogSoftplus((score.value - reference_) / kUnit);
  score.value = value;
  for (Belief& by : score.slopes) {
    by.mean *= slope / kUnit;
    by.deviation *= slope / kUnit;
    by.deviation_all *= slope / kUnit;
  }
  return score;
}

}  // namespace assay
