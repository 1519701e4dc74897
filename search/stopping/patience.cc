#include "search/stopping/patience.h"

#include "absl/strings/str_format.h"

namespace assay {

PatienceRule::PatienceRule(const StudySpec& spec)
    : spec_(spec.stopping),
      running_(WatchedMetric(spec), spec.stopping.min_delta) {}

void PatienceRule::ObserveReport(TrialId trial, int32_t attempt,
                                 const Measurement& measurement) {
  running_.Add(trial, attempt, measurement);
}

void PatienceRule::ObserveEnd(const Trial& trial) { running_.Remove(trial.id); }

std::optional<std::string> PatienceRule::ReasonToStop(TrialId trial) const {
  const Curve* curve = running_.Find(trial);
  if (curve == nullptr) return std::nullopt;
  const Curve::Point* judged = JudgedPoint(*curve, 0, spec_.interval_steps);
  if (judged == nullptr) return std::nullopt;
  const int64_t steps = judged->step - judged->mark_step;
  if (steps < spec_.patience_steps) return std::nullopt;
  const auto& [metric, goal] = running_.watched();
  return absl::StrFormat(
      "%s has not %s by more than %.6g in %d steps, it was %s at step %d",
      metric, goal == Goal::kMaximize ? "risen" : "fallen", spec_.min_delta,
      steps, CostText(judged->mark, goal), judged->mark_step);
}

}  // namespace assay
