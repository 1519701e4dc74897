#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/id.h"
#include "search/parameter.h"

namespace assay {

// What one configuration went through.
//
// kPending --Start--> kRunning --Complete----------> kCompleted
//    ^  |                 |------EndStopped--------> kStopped
//    |  `--StopPending    |------Fail, none left---> kFailed
//    |        |           |------MarkInfeasible----> kInfeasible
//    |        v           |
//    |     kStopped       |
//    `-----Requeue--------'  (the attempt ended without a result and attempts
//                             are left: FAILED, LOST, PREEMPTED, handed back)
//
// A finished trial (kCompleted, kStopped, kFailed, kInfeasible) never changes.
enum class TrialState {
  kPending = 1,
  kRunning = 2,
  kCompleted = 3,
  kStopped = 4,
  kFailed = 5,
  kInfeasible = 6,
};

// How one attempt ended. kRunning: it has not.
enum class AttemptOutcome {
  kRunning = 1,
  kCompleted = 2,
  kStopped = 3,
  kFailed = 4,
  kInfeasible = 5,
  kLost = 6,       // The lease ran out.
  kPreempted = 7,  // The node was taken away, or the worker handed it back.
};

// Metric values by name. May hold NaN and infinity.
using Metrics = std::map<std::string, double>;

// One report of an attempt. Key: (trial, attempt, sequence).
struct Measurement {
  int64_t sequence = 0;  // Of the attempt, from 1, chosen by who reports.
  int64_t step = 0;      // Epochs, iterations: what the trial counts. >= 0.
  double elapsed_seconds = 0;  // Since the attempt started, by its own clock.
  Metrics metrics;             // Any names, declared or not.
  // d(metric)/d(parameter) in natural units: gradients[metric][parameter].
  std::map<std::string, std::map<std::string, double>> gradients;
  // Standard deviations of some of these numbers.
  std::map<std::string, std::map<std::string, double>> gradient_deviations;
  std::optional<int64_t> instance;  // The fold or seed it was measured on.
  int64_t revision = 0;             // Of the study; given by the storage.
  absl::Time time;                  // When the coordinator took it.
};

// What a proposal was made from, so that it can be recomputed.
struct Origin {
  std::string strategy =
      {};                // "random", "grid", "user" (enqueued), "retry", ...
  std::string why = {};  // One line for people.
  int64_t ordinal = -1;  // Of the strategy's sequence from 0; -1: none.
  int64_t seen_revision = 0;  // The study's log up to here was observed.
  int32_t batch_index = 0;    // Place in the batch that was computed together.
};

// One execution of a trial by one worker or client. The pair (trial, number) is
// the fence: a report that names an attempt that is over is refused.
struct Attempt {
  TrialId trial;
  int32_t number = 1;    // From 1.
  std::string holder;    // Worker name, or client id.
  std::string instance;  // Random id of the worker's process; "" for a client.
  bool by_worker = false;
  absl::Time started;
  std::optional<absl::Time> ended;
  AttemptOutcome outcome = AttemptOutcome::kRunning;
  std::string reason;           // Why it ended, in words; "" if it completed.
  std::string stop_reason;      // Non-empty once the attempt was told to stop.
  double training_seconds = 0;  // Wall time of the attempt, at its end.
  // What its holder said at its end, as a text: tells a repetition, which gets
  // the same answer, from a contradiction. Empty unless the holder ended it.
  std::string finish;
  absl::Duration lease;  // Length of one period; 0: never expires.
  int32_t slot = 0;      // Of its worker, from 1; 0: not known, or a client.
  std::string gpu;       // Of this slot: "3: NVIDIA H100"; "" if none.
};

// Which runs of its study a trial belongs to: one configuration, run from one
// budget to another.
struct Trial {
  TrialId id;
  StudyId study;
  int64_t number = 0;  // In its study, from 0, without gaps.
  TrialState state = TrialState::kPending;
  Parameters parameters;  // The active ones.
  int64_t from_step = 0;
  int64_t to_step = 0;  // 0: as far as the training program goes.
  TrialId continues;    // Whose checkpoint it resumes.
  TrialId retry_of;     // The finished trial it runs again.
  int32_t replicate = 0;
  Origin origin;
  int64_t spec_revision = 1;  // The revision of the study's spec it saw.
  std::string note;

  // Attempts so far, and how they ended.
  int32_t attempts = 0;
  int32_t failed_attempts = 0;
  int32_t lost_attempts = 0;

  std::string reason;     // Why it stopped or failed, in words.
  Metrics final_metrics;  // Given explicitly at the end, or chosen by then.
  int64_t last_step = 0;  // The highest step reported by the last attempt.
  bool hidden = false;    // Deleted by its owner: a mark.

  absl::Time created;
  std::optional<absl::Time> started;  // Of the first attempt.
  std::optional<absl::Time> ended;

  // Revisions of the study, given by the storage.
  int64_t created_revision = 0;
  int64_t ended_revision = 0;  // 0 while unfinished.
  int64_t revision = 0;        // Of the last change.
};

bool IsFinished(TrialState state);
bool IsFinished(const Trial& trial);

// "COMPLETED", as the protocol writes it.
std::string ToText(TrialState state);
std::string ToText(AttemptOutcome outcome);

struct AttemptLimits {
  int32_t max_failed = 3;  // FAILED attempts of a trial before it is kFailed.
  int32_t max_lost = 5;    // LOST ones: a poison trial may kill nodes.
};

// The transitions. Each returns FailedPrecondition, naming the trial and its
// state, and changes nothing when it is not allowed. `now` is wall time.

// Claims the trial: a compare-and-swap on kPending. Counts the attempt and
// returns it, not yet held by anyone.
absl::StatusOr<Attempt> Start(Trial& trial, absl::Time now);

// OK if `attempt` is the one that runs the trial: the fence.
absl::Status CheckFence(const Trial& trial, int32_t attempt);

// Ends the attempt with its result. A recorded stop makes it kStopped.
absl::Status Complete(Trial& trial, Attempt& attempt, Metrics final_metrics,
                      absl::Time now);

// Ends the attempt as stopped early. `attempt.stop_reason` says why, if set.
absl::Status EndStopped(Trial& trial, Attempt& attempt, std::string reason,
                        absl::Time now);

// Ends the attempt as failed. The trial goes back to kPending if `retry` and
// fewer than `limits.max_failed` attempts failed, else it is kFailed. A
// recorded stop makes it kStopped instead.
absl::Status Fail(Trial& trial, Attempt& attempt, std::string reason,
                  bool retry, const AttemptLimits& limits, absl::Time now);

// Ends the attempt because its lease ran out (kLost) or its node was taken or
// it was handed back (kPreempted). The trial goes back to kPending, or is
// kFailed after `limits.max_lost` LOST ones.
absl::Status Requeue(Trial& trial, Attempt& attempt, AttemptOutcome outcome,
                     std::string reason, const AttemptLimits& limits,
                     absl::Time now);

// The parameters cannot be trained at all: never retried.
absl::Status MarkInfeasible(Trial& trial, Attempt& attempt, std::string reason,
                            absl::Time now);

// Takes a waiting trial out of the queue.
absl::Status StopPending(Trial& trial, std::string reason, absl::Time now);

}  // namespace assay
