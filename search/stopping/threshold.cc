#include "search/stopping/threshold.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"

namespace assay {
namespace {

bool HasDiverged(double cost, double from, double factor) {
  if (from == 0 || !std::isfinite(from)) return false;
  return cost > (from > 0 ? from * factor : from / factor);
}

}  // namespace

ThresholdRule::ThresholdRule(const StudySpec& study, RuleSpec rule)
    : rule_(std::move(rule)),
      running_({WatchedMetric(study, rule_)}, {.smoothing = rule_.smoothing}) {}

void ThresholdRule::ObserveReport(TrialId trial, int32_t attempt,
                                  const Measurement& measurement) {
  running_.Add(trial, attempt, measurement);
}

void ThresholdRule::ObserveEnd(const Trial& trial) {
  running_.Remove(trial.id);
}

std::optional<std::string> ThresholdRule::Fault(const Curve::Point& judged,
                                                const Curve& curve) const {
  const Goal goal = running_.watched()[0].goal;
  if (!std::isfinite(judged.cost)) return "no finite number";
  const double value = goal == Goal::kMaximize ? -judged.cost : judged.cost;
  if (rule_.lower && value < *rule_.lower) {
    return absl::StrFormat("below %.6g", *rule_.lower);
  }
  if (rule_.upper && value > *rule_.upper) {
    return absl::StrFormat("above %.6g", *rule_.upper);
  }
  const double first = curve.points().front().cost;
  if (rule_.first_factor &&
      HasDiverged(judged.cost, first, *rule_.first_factor)) {
    return absl::StrFormat("worse than %.6g times its first, %s",
                           *rule_.first_factor, CostText(first, goal));
  }
  if (rule_.best_factor &&
      HasDiverged(judged.cost, judged.best, *rule_.best_factor)) {
    return absl::StrFormat("worse than %.6g times its best, %s",
                           *rule_.best_factor, CostText(judged.best, goal));
  }
  return std::nullopt;
}

std::optional<std::string> ThresholdRule::ReasonToStop(TrialId trial) const {
  const TrialCurves* run = running_.Find(trial);
  if (run == nullptr) return std::nullopt;
  const Curve::Point* judged = JudgedPoint(*run, rule_);
  if (judged == nullptr) return std::nullopt;
  const auto fault = Fault(*judged, run->curves[0]);
  if (!fault) return std::nullopt;
  const Watched& metric = running_.watched()[0];
  return absl::StrFormat("%s %s at step %d is %s", metric.metric,
                         CostText(judged->cost, metric.goal), judged->step,
                         *fault);
}

}  // namespace assay
