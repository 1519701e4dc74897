#include "search/gp/acquisition/feasibility.h"

#include <cmath>
#include <utility>

#include "search/math/normal.h"

namespace assay {
namespace {

LogProbability LogBoundKept(const Belief& belief) {
  const double s = belief.deviation;
  const double z = -belief.mean / s;
  const double slope = LogNormalCdfSlope(z);
  return {LogNormalCdf(z), {.mean = -slope / s, .deviation = -slope * z / s}};
}

LogProbability LogSuccess(const Belief& belief) {
  const double spread = std::sqrt(1 + belief.deviation * belief.deviation);
  const double z = belief.mean / spread;
  const double slope = LogNormalCdfSlope(z);
  return {LogNormalCdf(z),
          {.mean = slope / spread,
           .deviation = -slope * z * belief.deviation / (spread * spread)}};
}

}  // namespace

LogProbability LogFeasibility(Requirement requirement, const Belief& belief) {
  return requirement == Requirement::kBound ? LogBoundKept(belief)
                                            : LogSuccess(belief);
}

Feasibility::Feasibility(std::unique_ptr<const Acquisition> objective,
                         double weight, std::vector<Requirement> requirements)
    : objective_(std::move(objective)),
      weight_(weight),
      requirements_(std::move(requirements)) {}

Score Feasibility::Evaluate(absl::Span<const Belief> beliefs) const {
  const size_t objectives = beliefs.size() - requirements_.size();
  Score score = objective_->Evaluate(beliefs.subspan(0, objectives));
  score.value *= weight_;
  for (Belief& slope : score.slopes) {
    slope.mean *= weight_;
    slope.deviation *= weight_;
    slope.deviation_all *= weight_;
  }
  for (size_t i = 0; i < requirements_.size(); ++i) {
    const LogProbability kept =
        LogFeasibility(requirements_[i], beliefs[objectives + i]);
    score.value += kept.value;
    score.slopes.push_back(kept.slopes);
  }
  return score;
}

}  // namespace assay
