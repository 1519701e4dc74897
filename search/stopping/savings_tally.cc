#include "search/stopping/savings_tally.h"

#include <algorithm>

namespace assay {
namespace {

int64_t SpecMaxSteps(const StudySpec& study) {
  int64_t max_steps = study.schedule.exists() ? study.schedule.max_steps : 0;
  for (const RuleSpec& rule : study.stopping.rules) {
    max_steps = std::max(max_steps, rule.max_steps);
  }
  return max_steps;
}

}  // namespace

SavingsTally::SavingsTally(const StudySpec& study)
    : leaves_(study.schedule.exists() && !study.schedule.IsPopulation()),
      spec_max_steps_(SpecMaxSteps(study)) {}

void SavingsTally::Add(const RecordedTrial& recorded, bool by_rule) {
  const Trial& trial = recorded.trial;
  const int64_t last = LastStep(recorded);
  const std::optional<double> pace = SecondsAStep(recorded);
  const bool is_completed = trial.state == TrialState::kCompleted;
  sums_.reload_seconds += ReloadSeconds(recorded);
  sums_.spent_seconds +=
      pace.value_or(0) * static_cast<double>(last - trial.from_step);
  if (trial.continues.value != 0) Continue(trial.continues);
  if (is_completed) longest_ = std::max(longest_, last);
  if (is_completed && leaves_ && !continued_.contains(trial.id)) {
    left_[trial.id] = {last, pace};
  }
  if (!by_rule) return;
  ++sums_.stopped;
  if (!pace) return;
  Stops& stops = stops_[last];
  ++stops.trials;
  stops.paces += *pace;
}

void SavingsTally::Continue(TrialId trial) {
  if (continued_.insert(trial).second) left_.erase(trial);
}

Savings SavingsTally::savings() const {
  Savings savings = sums_;
  savings.max_steps = spec_max_steps_ > 0 ? spec_max_steps_ : longest_;
  for (const auto& [step, stops] : stops_) {
    const int64_t steps = savings.max_steps - step;
    if (steps <= 0) break;
    savings.counted += stops.trials;
    savings.steps += stops.trials * steps;
    savings.seconds += stops.paces * static_cast<double>(steps);
  }
  AddLeft(savings);
  (leaves_ ? savings.schedule.seconds : savings.seconds) -=
      savings.reload_seconds;
  return savings;
}

void SavingsTally::AddLeft(Savings& savings) const {
  for (const auto& [trial, left] : left_) {
    const int64_t steps = savings.max_steps - left.step;
    if (steps <= 0 || !left.pace) continue;
    ++savings.schedule.configurations;
    savings.schedule.steps += steps;
    savings.schedule.seconds += *left.pace * static_cast<double>(steps);
  }
}

}  // namespace assay
