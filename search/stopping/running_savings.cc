#include "search/stopping/running_savings.h"

#include <utility>

#include "search/base/status_macros.h"
#include "search/factory.h"

namespace assay {

absl::StatusOr<std::unique_ptr<RunningSavings>> RunningSavings::Create(
    const StudySpec& study) {
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<EarlyStoppingRule> rule,
                         MakeEarlyStoppingRule(study));
  return std::unique_ptr<RunningSavings>(
      new RunningSavings(study, std::move(rule)));
}

void RunningSavings::ObserveReport(TrialId trial, int32_t attempt,
                                   const Measurement& measurement) {
  if (ended_.contains(trial)) return;
  Running& running = running_[trial];
  if (rule_) {
    rule_->ObserveReport(trial, attempt, measurement);
    running.by_rule = running.by_rule || rule_->ReasonToStop(trial).has_value();
  }
  Measurement when;
  when.step = measurement.step;
  when.elapsed_seconds = measurement.elapsed_seconds;
  when.time = measurement.time;
  running.reports.push_back({attempt, std::move(when)});
}

void RunningSavings::ObserveUnfinished(const Trial& trial) {
  if (trial.continues.value != 0) tally_.Continue(trial.continues);
}

void RunningSavings::ObserveEnd(const Trial& trial) {
  if (!ended_.insert(trial.id).second) return;
  Running running = std::move(running_[trial.id]);
  running_.erase(trial.id);
  const bool by_rule =
      trial.state == TrialState::kStopped && rule_ &&
      (running.by_rule || rule_->ReasonToStop(trial.id).has_value());
  if (rule_) rule_->ObserveEnd(trial);
  tally_.Add({trial, std::move(running.reports)}, by_rule);
}

}  // namespace assay
