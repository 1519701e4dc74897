#include "search/trial.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

std::string Name(const Trial& trial) {
  return absl::StrCat("trial ", trial.id.value);
}

absl::Status Refuse(const Trial& trial, const std::string& allowed) {
  return absl::FailedPreconditionError(
      absl::StrCat(Name(trial), " is ", ToText(trial.state), ", ", allowed));
}

absl::Status CheckRuns(const Trial& trial, const Attempt& attempt) {
  ASSAY_RETURN_IF_ERROR(CheckFence(trial, attempt.number));
  if (attempt.outcome == AttemptOutcome::kRunning) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(Name(trial), ": attempt ", attempt.number, " ended as ",
                   ToText(attempt.outcome)));
}

bool IsToldToStop(const Attempt& attempt) {
  return !attempt.stop_reason.empty();
}

void EndAttempt(Attempt& attempt, AttemptOutcome outcome, std::string reason,
                absl::Time now) {
  attempt.outcome = outcome;
  attempt.reason = std::move(reason);
  attempt.ended = now;
  attempt.training_seconds =
      std::max(0.0, absl::ToDoubleSeconds(now - attempt.started));
}

void EndTrial(Trial& trial, TrialState state, std::string reason,
              absl::Time now) {
  trial.state = state;
  trial.reason = std::move(reason);
  trial.ended = now;
}

void Stop(Trial& trial, Attempt& attempt, const std::string& reason,
          absl::Time now) {
  const std::string words =
      IsToldToStop(attempt) ? attempt.stop_reason : reason;
  EndAttempt(attempt, AttemptOutcome::kStopped, words, now);
  EndTrial(trial, TrialState::kStopped, words, now);
}

std::string LastOf(int32_t count, const std::string& what,
                   const std::string& reason) {
  return absl::StrCat(count, " attempts ", what, ", the last: ", reason);
}

}  // namespace

bool IsFinished(TrialState state) {
  return state != TrialState::kPending && state != TrialState::kRunning;
}

bool IsFinished(const Trial& trial) { return IsFinished(trial.state); }

std::string ToText(TrialState state) {
  switch (state) {
    case TrialState::kPending:
      return "PENDING";
    case TrialState::kRunning:
      return "RUNNING";
    case TrialState::kCompleted:
      return "COMPLETED";
    case TrialState::kStopped:
      return "STOPPED";
    case TrialState::kFailed:
      return "FAILED";
    case TrialState::kInfeasible:
      return "INFEASIBLE";
  }
  return absl::StrCat("TrialState(", static_cast<int>(state), ")");
}

std::string ToText(AttemptOutcome outcome) {
  switch (outcome) {
    case AttemptOutcome::kRunning:
      return "RUNNING";
    case AttemptOutcome::kCompleted:
      return "COMPLETED";
    case AttemptOutcome::kStopped:
      return "STOPPED";
    case AttemptOutcome::kFailed:
      return "FAILED";
    case AttemptOutcome::kInfeasible:
      return "INFEASIBLE";
    case AttemptOutcome::kLost:
      return "LOST";
    case AttemptOutcome::kPreempted:
      return "PREEMPTED";
  }
  return absl::StrCat("AttemptOutcome(", static_cast<int>(outcome), ")");
}

absl::StatusOr<Attempt> Start(Trial& trial, absl::Time now) {
  if (trial.state != TrialState::kPending) {
    return Refuse(trial, "only a PENDING one can start");
  }
  trial.state = TrialState::kRunning;
  trial.attempts += 1;
  trial.last_step = 0;
  if (!trial.started) trial.started = now;
  Attempt attempt;
  attempt.trial = trial.id;
  attempt.number = trial.attempts;
  attempt.started = now;
  return attempt;
}

absl::Status CheckFence(const Trial& trial, int32_t attempt) {
  if (trial.state != TrialState::kRunning) {
    return Refuse(trial, absl::StrCat("attempt ", attempt, " is over"));
  }
  if (attempt == trial.attempts) return absl::OkStatus();
  return Refuse(trial, absl::StrCat("but by attempt ", trial.attempts,
                                    ", not by attempt ", attempt));
}

absl::Status Complete(Trial& trial, Attempt& attempt, Metrics final_metrics,
                      absl::Time now) {
  ASSAY_RETURN_IF_ERROR(CheckRuns(trial, attempt));
  trial.final_metrics = std::move(final_metrics);
  if (IsToldToStop(attempt)) {
    Stop(trial, attempt, "", now);
    return absl::OkStatus();
  }
  EndAttempt(attempt, AttemptOutcome::kCompleted, "", now);
  EndTrial(trial, TrialState::kCompleted, "", now);
  return absl::OkStatus();
}

absl::Status EndStopped(Trial& trial, Attempt& attempt, std::string reason,
                        absl::Time now) {
  ASSAY_RETURN_IF_ERROR(CheckRuns(trial, attempt));
  Stop(trial, attempt, reason, now);
  return absl::OkStatus();
}

absl::Status Fail(Trial& trial, Attempt& attempt, std::string reason,
                  bool retry, const AttemptLimits& limits, absl::Time now) {
  ASSAY_RETURN_IF_ERROR(CheckRuns(trial, attempt));
  if (IsToldToStop(attempt)) {
    Stop(trial, attempt, "", now);
    return absl::OkStatus();
  }
  trial.failed_attempts += 1;
  EndAttempt(attempt, AttemptOutcome::kFailed, reason, now);
  if (!retry) {
    EndTrial(trial, TrialState::kFailed, std::move(reason), now);
  } else if (trial.failed_attempts >= limits.max_failed) {
    EndTrial(trial, TrialState::kFailed,
             LastOf(trial.failed_attempts, "failed", reason), now);
  } else {
    trial.state = TrialState::kPending;
  }
  return absl::OkStatus();
}

absl::Status Requeue(Trial& trial, Attempt& attempt, AttemptOutcome outcome,
                     std::string reason, const AttemptLimits& limits,
                     absl::Time now) {
  assert(outcome == AttemptOutcome::kLost ||
         outcome == AttemptOutcome::kPreempted);
  ASSAY_RETURN_IF_ERROR(CheckRuns(trial, attempt));
  if (IsToldToStop(attempt)) {
    Stop(trial, attempt, "", now);
    return absl::OkStatus();
  }
  const bool lost = outcome == AttemptOutcome::kLost;
  if (lost) trial.lost_attempts += 1;
  EndAttempt(attempt, outcome, reason, now);
  if (lost && trial.lost_attempts >= limits.max_lost) {
    EndTrial(trial, TrialState::kFailed,
             LastOf(trial.lost_attempts, "lost", reason), now);
  } else {
    trial.state = TrialState::kPending;
  }
  return absl::OkStatus();
}

absl::Status MarkInfeasible(Trial& trial, Attempt& attempt, std::string reason,
                            absl::Time now) {
  ASSAY_RETURN_IF_ERROR(CheckRuns(trial, attempt));
  if (IsToldToStop(attempt)) {
    Stop(trial, attempt, "", now);
    return absl::OkStatus();
  }
  EndAttempt(attempt, AttemptOutcome::kInfeasible, reason, now);
  EndTrial(trial, TrialState::kInfeasible, std::move(reason), now);
  return absl::OkStatus();
}

absl::Status StopPending(Trial& trial, std::string reason, absl::Time now) {
  if (trial.state != TrialState::kPending) {
    return Refuse(trial, "only a PENDING one can be taken out of the queue");
  }
  EndTrial(trial, TrialState::kStopped, std::move(reason), now);
  return absl::OkStatus();
}

}  // namespace assay
