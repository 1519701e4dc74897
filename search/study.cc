#include "search/study.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace assay {
namespace {

absl::Status Refuse(const Study& study, const std::string& allowed) {
  return absl::FailedPreconditionError(absl::StrCat(
      "study \"", study.name, "\" is ", ToText(study.state), ", ", allowed));
}

double SecondsBetween(absl::Time from, absl::Time to) {
  return std::max(0.0, absl::ToDoubleSeconds(to - from));
}

// What of a pause that began at `since` lies after the first lease.
double PauseSeconds(const Study& study, absl::Time since, absl::Time now) {
  if (!study.first_lease) return 0;
  return SecondsBetween(std::max(since, *study.first_lease), now);
}

void EndPause(Study& study, absl::Time now) {
  if (!study.paused_since) return;
  study.paused_seconds += PauseSeconds(study, *study.paused_since, now);
  study.paused_since.reset();
}

template <typename T>
bool IsReached(const std::optional<T>& limit, T used) {
  return limit && used >= *limit;
}

std::string OutOf(const std::string& what, double used, double limit,
                  const std::string& unit) {
  return absl::StrFormat("%s: %.6g of %.6g %s", what, used, limit, unit);
}

std::string OutOf(const std::string& what, int64_t used, int64_t limit,
                  const std::string& unit) {
  return absl::StrCat(what, ": ", used, " of ", limit, " ", unit);
}

bool IsConfiguration(const Trial& trial) {
  return !trial.continues && trial.replicate == 0;
}

// How many configurations the transition adds.
int64_t ConfigurationsAdded(std::optional<TrialState> from,
                            const Trial& trial) {
  if (!IsConfiguration(trial)) return 0;
  if (trial.state == TrialState::kInfeasible) return from ? -1 : 0;
  if (trial.state == TrialState::kRunning) return trial.attempts == 1;
  return !from && IsFinished(trial);
}

int64_t& CountOf(StudyCounts& counts, TrialState state) {
  switch (state) {
    case TrialState::kPending:
      return counts.pending;
    case TrialState::kRunning:
      return counts.running;
    case TrialState::kCompleted:
      return counts.completed;
    case TrialState::kStopped:
      return counts.stopped;
    case TrialState::kFailed:
      return counts.failed;
    case TrialState::kInfeasible:
      break;
  }
  return counts.infeasible;
}

// The metric by step, where the later measurement of a step counts.
std::map<int64_t, double> ByStep(const std::string& metric,
                                 const std::vector<Measurement>& curve) {
  std::map<int64_t, double> by_step;
  for (const Measurement& measurement : curve) {
    const auto it = measurement.metrics.find(metric);
    if (it != measurement.metrics.end()) by_step[measurement.step] = it->second;
  }
  return by_step;
}

std::optional<double> LastValue(const MetricSpec& metric,
                                const std::vector<Measurement>& curve) {
  for (auto it = curve.rbegin(); it != curve.rend(); ++it) {
    const auto value = it->metrics.find(metric.name);
    if (value != it->metrics.end()) return value->second;
  }
  return std::nullopt;
}

std::optional<double> BestValue(const MetricSpec& metric,
                                const std::vector<Measurement>& curve) {
  std::optional<double> best;
  for (const auto& [step, value] : ByStep(metric.name, curve)) {
    if (!best || IsBetter(value, *best, metric.goal)) best = value;
  }
  return best;
}

}  // namespace

std::vector<int> Objectives(const StudySpec& spec) {
  std::vector<int> objectives;
  for (size_t i = 0; i < spec.metrics.size(); ++i) {
    if (!spec.metrics[i].bound) objectives.push_back(static_cast<int>(i));
  }
  return objectives;
}

std::string ToText(StudyState state) {
  switch (state) {
    case StudyState::kActive:
      return "ACTIVE";
    case StudyState::kPaused:
      return "PAUSED";
    case StudyState::kCompleted:
      return "COMPLETED";
  }
  return absl::StrCat("StudyState(", static_cast<int>(state), ")");
}

std::string ToText(CompletionReason reason) {
  switch (reason) {
    case CompletionReason::kNone:
      return "NONE";
    case CompletionReason::kBudgetSpent:
      return "BUDGET_SPENT";
    case CompletionReason::kTargetReached:
      return "TARGET_REACHED";
    case CompletionReason::kSpaceExhausted:
      return "SPACE_EXHAUSTED";
    case CompletionReason::kStoppedByUser:
      return "STOPPED_BY_USER";
    case CompletionReason::kTooManyFailures:
      return "TOO_MANY_FAILURES";
  }
  return absl::StrCat("CompletionReason(", static_cast<int>(reason), ")");
}

std::string ToText(Goal goal) {
  return goal == Goal::kMaximize ? "MAXIMIZE" : "MINIMIZE";
}

std::string ToText(Trust trust) {
  return trust == Trust::kSimilar ? "SIMILAR" : "SAME";
}

std::string ToText(StepUnit unit) {
  switch (unit) {
    case StepUnit::kSteps:
      return "STEPS";
    case StepUnit::kSeconds:
      return "SECONDS";
    case StepUnit::kExamples:
      return "EXAMPLES";
  }
  return absl::StrCat("StepUnit(", static_cast<int>(unit), ")");
}

int64_t FirstRunSteps(const ScheduleSpec& schedule) {
  if (!schedule.exists()) return 0;
  if (!schedule.IsPopulation()) return schedule.min_steps;
  return std::min(schedule.population.interval, schedule.max_steps);
}

absl::Status Pause(Study& study, absl::Time now) {
  if (study.state != StudyState::kActive) {
    return Refuse(study, "only an ACTIVE one can be paused");
  }
  study.state = StudyState::kPaused;
  study.paused_since = now;
  return absl::OkStatus();
}

absl::Status Resume(Study& study, absl::Time now) {
  if (study.state != StudyState::kPaused) {
    return Refuse(study, "only a PAUSED one can be resumed");
  }
  EndPause(study, now);
  study.state = StudyState::kActive;
  return absl::OkStatus();
}

absl::Status Complete(Study& study, CompletionReason reason, std::string words,
                      absl::Time now) {
  if (study.state == StudyState::kCompleted) {
    return Refuse(study, absl::StrCat("already: ", study.reason));
  }
  EndPause(study, now);
  study.state = StudyState::kCompleted;
  study.completion = reason;
  study.reason = std::move(words);
  study.completed = now;
  return absl::OkStatus();
}

absl::Status Reopen(Study& study, absl::Time now) {
  if (study.state != StudyState::kCompleted) {
    return Refuse(study, "only a COMPLETED one can be reopened");
  }
  if (study.completion == CompletionReason::kStoppedByUser) {
    return Refuse(study, "stopped by a user, which is final");
  }
  if (study.completion == CompletionReason::kSpaceExhausted) {
    return Refuse(study, "its search space is used up");
  }
  if (study.completed) {
    study.paused_seconds += PauseSeconds(study, *study.completed, now);
  }
  study.state = StudyState::kActive;
  study.completion = CompletionReason::kNone;
  study.reason.clear();
  study.completed.reset();
  return absl::OkStatus();
}

double SecondsUsed(const Study& study, absl::Time now) {
  if (!study.first_lease) return 0;
  const absl::Time end = study.completed.value_or(now);
  double paused = study.paused_seconds;
  if (study.paused_since) {
    paused += PauseSeconds(study, *study.paused_since, end);
  }
  return std::max(0.0, SecondsBetween(*study.first_lease, end) - paused);
}

int64_t MostInfeasible(int64_t max_trials) {
  constexpr int64_t kFactor = 10;
  constexpr int64_t kSpare = 100;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  if (max_trials > (kMost - kSpare) / kFactor) return kMost;
  return kFactor * max_trials + kSpare;
}

std::optional<Spent> WhatIsSpent(const Study& study, const Budget& budget,
                                 absl::Time now) {
  const StudyCounts& counts = study.counts;
  if (IsReached(budget.max_failed, counts.failed)) {
    return Spent{.reason = CompletionReason::kTooManyFailures,
                 .words = OutOf("max_failed", counts.failed, *budget.max_failed,
                                "failed")};
  }
  if (budget.max_trials &&
      counts.infeasible >= MostInfeasible(*budget.max_trials)) {
    return Spent{.reason = CompletionReason::kTooManyFailures,
                 .words = absl::StrCat(counts.infeasible,
                                       " trials are INFEASIBLE, the "
                                       "most that max_trials ",
                                       *budget.max_trials, " allows")};
  }
  const double seconds = SecondsUsed(study, now);
  if (study.first_lease && IsReached(budget.max_seconds, seconds)) {
    return Spent{.words = OutOf("max_seconds", seconds, *budget.max_seconds,
                                "seconds used"),
                 .stop_running = true};
  }
  if (IsReached(budget.max_trials, counts.configurations)) {
    return Spent{.words = OutOf("max_trials", counts.configurations,
                                *budget.max_trials, "started"),
                 .requeued_may_run = true};
  }
  if (IsReached(budget.max_steps_total, counts.steps)) {
    return Spent{.words = OutOf("max_steps_total", counts.steps,
                                *budget.max_steps_total, "steps used")};
  }
  if (IsReached(budget.max_training_seconds, counts.training_seconds)) {
    return Spent{.words = OutOf("max_training_seconds", counts.training_seconds,
                                *budget.max_training_seconds, "seconds used")};
  }
  return std::nullopt;
}

Spent WithoutContinuations(Spent spent, const ScheduleSpec& schedule) {
  if (schedule.IsPopulation()) {
    absl::StrAppend(&spent.words, ", each to step ", schedule.max_steps);
  } else if (schedule.exists()) {
    absl::StrAppend(&spent.words, ", none is left to go on with");
  }
  return spent;
}

Spent WhatIsUsedUp(const Study& study, const ScheduleSpec& schedule) {
  if (schedule.IsPopulation()) {
    const char* who = schedule.name == "gradient" ? "chain" : "member";
    return {.words = absl::StrCat("every ", who, " reached step ",
                                  schedule.max_steps)};
  }
  return {.reason = CompletionReason::kSpaceExhausted,
          .words = absl::StrCat("every configuration was tried: ",
                                study.counts.trials, " trials")};
}

std::optional<Spent> WhatReachesTarget(const MetricSpec& objective,
                                       double value, const Budget& budget) {
  if (!budget.target || std::isnan(value)) return std::nullopt;
  if (IsBetter(*budget.target, value, objective.goal)) return std::nullopt;
  return Spent{.reason = CompletionReason::kTargetReached,
               .words = absl::StrFormat("target: %s %.6g reaches %.6g",
                                        objective.name, value, *budget.target),
               .stop_running = true};
}

void CountTransition(StudyCounts& counts, std::optional<TrialState> from,
                     const Trial& trial) {
  if (from) {
    CountOf(counts, *from) -= 1;
  } else {
    counts.trials += 1;
  }
  CountOf(counts, trial.state) += 1;
  counts.configurations += ConfigurationsAdded(from, trial);
}

bool IsBetter(double a, double b, Goal goal) {
  if (std::isnan(a)) return false;
  if (std::isnan(b)) return true;
  return goal == Goal::kMaximize ? a > b : a < b;
}

std::optional<double> MetricValue(const MetricSpec& metric,
                                  const Metrics& final_metrics,
                                  const std::vector<Measurement>& curve) {
  const auto final_value = final_metrics.find(metric.name);
  if (final_value != final_metrics.end()) return final_value->second;
  return metric.select == Select::kBest ? BestValue(metric, curve)
                                        : LastValue(metric, curve);
}

}  // namespace assay
