#include "search/stopping/replay.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "search/base/status_macros.h"
#include "search/factory.h"
#include "search/pareto.h"

namespace assay {
namespace {

constexpr size_t kEventsBetweenLooks = 1000;

ReplayedStop StopAt(const RecordedTrial& recorded, int64_t step,
                    std::string reason) {
  ReplayedStop stop{.number = recorded.trial.number,
                    .step = step,
                    .reason = std::move(reason)};
  stop.steps_saved = std::max<int64_t>(LastStep(recorded) - step, 0);
  stop.seconds_saved = SecondsAStep(recorded).value_or(0) *
                       static_cast<double>(stop.steps_saved);
  return stop;
}

// What was run, whatever the rule does.
void CountRun(const RecordedTrial& recorded, RuleReplay& replay) {
  if (!IsFinished(recorded.trial) || recorded.reports.empty()) return;
  const int64_t steps = LastStep(recorded) - recorded.trial.from_step;
  ++replay.trials;
  replay.already_stopped += recorded.trial.state == TrialState::kStopped;
  replay.steps += steps;
  replay.seconds +=
      SecondsAStep(recorded).value_or(0) * static_cast<double>(steps);
}

// The best value of the first objective.
std::optional<double> BestValue(const MetricSpec& objective,
                                const std::vector<Trial>& trials) {
  std::optional<double> best;
  for (const Trial& trial : trials) {
    const double value = trial.final_metrics.at(objective.name);
    if (!best || IsBetter(value, *best, objective.goal)) best = value;
  }
  return best;
}

void CompareBest(const StudySpec& study,
                 absl::Span<const RecordedTrial> recorded,
                 const std::vector<bool>& stopped, RuleReplay& replay) {
  std::vector<Trial> completed, left;
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (recorded[i].trial.state != TrialState::kCompleted) continue;
    completed.push_back(recorded[i].trial);
    if (!stopped[i]) left.push_back(recorded[i].trial);
  }
  for (const Trial& trial : ParetoFront(study, completed)) {
    replay.best.push_back(trial.number);
  }
  for (ReplayedStop& stop : replay.stops) {
    stop.was_best =
        std::count(replay.best.begin(), replay.best.end(), stop.number) > 0;
    replay.best_stopped += stop.was_best;
  }
  const MetricSpec& objective = study.metrics[Objectives(study)[0]];
  replay.best_value = BestValue(objective, ParetoFront(study, completed));
  const auto remaining = BestValue(objective, ParetoFront(study, left));
  if (!replay.best_value || !remaining) return;
  // An infeasible rest may even be better.
  replay.loss = IsBetter(*replay.best_value, *remaining, objective.goal)
                    ? std::abs(*replay.best_value - *remaining)
                    : 0;
}

}  // namespace

absl::StatusOr<RuleReplay> ReplayRule(const StudySpec& study,
                                      absl::Span<const RecordedTrial> recorded,
                                      absl::FunctionRef<bool()> go_on) {
  ASSAY_ASSIGN_OR_RETURN(const std::unique_ptr<EarlyStoppingRule> rule,
                         MakeEarlyStoppingRule(study));
  if (!rule) return absl::InvalidArgumentError("stopping: no rule to replay");
  RuleReplay replay;
  for (const RecordedTrial& trial : recorded) CountRun(trial, replay);
  std::vector<bool> stopped(recorded.size(), false);
  std::vector<int64_t> reached(recorded.size(), 0);
  size_t seen = 0;
  for (const auto& [revision, i, report] : EventsOf(recorded)) {
    if (++seen % kEventsBetweenLooks == 0 && !go_on()) {
      return absl::CancelledError("nobody waits any more");
    }
    if (stopped[i]) continue;
    Trial trial = recorded[i].trial;
    if (!report) {
      rule->ObserveEnd(trial);
      continue;
    }
    rule->ObserveReport(trial.id, report->attempt, report->measurement);
    reached[i] = std::max(reached[i], report->measurement.step);
    std::optional<std::string> reason = rule->ReasonToStop(trial.id);
    if (!reason) continue;
    stopped[i] = true;
    replay.stops.push_back(StopAt(recorded[i], reached[i], *std::move(reason)));
    replay.steps_saved += replay.stops.back().steps_saved;
    replay.seconds_saved += replay.stops.back().seconds_saved;
    trial.state = TrialState::kStopped;
    rule->ObserveEnd(trial);
  }
  CompareBest(study, recorded, stopped, replay);
  return replay;
}

}  // namespace assay
