#include "search/stopping/patience.h"

#include <utility>

#include "absl/strings/str_format.h"

namespace assay {

PatienceRule::PatienceRule(const StudySpec& study, RuleSpec rule)
    : rule_(std::move(rule)),
      running_({WatchedMetric(study, rule_)},
               {.min_delta = rule_.min_delta, .smoothing = rule_.smoothing}) {}

void PatienceRule::ObserveReport(TrialId trial, int32_t attempt,
                                 const Measurement& measurement) {
  running_.Add(trial, attempt, measurement);
}

void PatienceRule::ObserveEnd(const Trial& trial) { running_.Remove(trial.id); }

std::optional<std::string> PatienceRule::ReasonToStop(TrialId trial) const {
  const TrialCurves* run = running_.Find(trial);
  if (run == nullptr) return std::nullopt;
  const Curve::Point* judged = JudgedPoint(*run, rule_);
  if (judged == nullptr) return std::nullopt;
  const int64_t steps = judged->step - judged->mark_step;
  if (steps < rule_.patience_steps) return std::nullopt;
  const Watched& metric = running_.watched()[0];
  return absl::StrFormat(
      "%s has not %s by more than %.6g in %d steps, it was %s at step %d",
      metric.metric, metric.goal == Goal::kMaximize ? "risen" : "fallen",
      rule_.min_delta, steps, CostText(judged->mark, metric.goal),
      judged->mark_step);
}

}  // namespace assay
