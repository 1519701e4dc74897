#include "search/stopping/curve_rule.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "search/pareto.h"
#include "search/stopping/extrapolation.h"

namespace assay {
namespace {

std::vector<Extrapolation::Point> PointsUpTo(const Curve& curve, int64_t step) {
  std::vector<Extrapolation::Point> points;
  for (const Curve::Point& point : curve.points()) {
    if (point.step <= step) points.push_back({point.step, point.cost});
  }
  return points;
}

}  // namespace

CurveRule::CurveRule(const StudySpec& study, RuleSpec rule)
    : rule_(std::move(rule)),
      study_(study),
      running_({WatchedMetric(study, rule_)}, {.smoothing = rule_.smoothing}) {}

void CurveRule::ObserveReport(TrialId trial, int32_t attempt,
                              const Measurement& measurement) {
  running_.Add(trial, attempt, measurement);
}

void CurveRule::ObserveEnd(const Trial& trial) {
  const TrialCurves run = running_.Remove(trial.id);
  if (trial.state != TrialState::kCompleted) return;
  ++completed_;
  if (rule_.metric.empty() && !IsFeasible(study_, trial)) return;
  const Watched& watched = running_.watched()[0];
  const auto value = trial.final_metrics.find(watched.metric);
  const Curve::Point* newest = run.Newest();
  if (value == trial.final_metrics.end() && !newest) return;
  const double cost = value == trial.final_metrics.end()
                          ? newest->reported
                          : ToCost(value->second, watched.goal);
  best_ = best_ ? std::min(*best_, cost) : cost;
}

std::optional<std::string> CurveRule::ReasonToStop(TrialId trial) const {
  const TrialCurves* run = running_.Find(trial);
  if (!run || !best_ || completed_ < rule_.min_trials) return std::nullopt;
  const Curve::Point* judged = JudgedPoint(*run, rule_);
  if (!judged || judged->best <= *best_) return std::nullopt;
  const auto end = Extrapolation::Of(PointsUpTo(run->curves[0], judged->step),
                                     rule_.max_steps);
  if (!end) return std::nullopt;
  const double chance = end->ChanceBelow(*best_);
  if (!(chance < rule_.chance)) return std::nullopt;
  const Watched& watched = running_.watched()[0];
  return absl::StrFormat(
      "%s %s at step %d is expected to be %s +- %.2g at step %d: better than "
      "the best, %s, with a chance of %.2g %%",
      watched.metric, CostText(judged->cost, watched.goal), judged->step,
      CostText(end->mean(), watched.goal), end->deviation(), rule_.max_steps,
      CostText(*best_, watched.goal), 100 * chance);
}

}  // namespace assay
