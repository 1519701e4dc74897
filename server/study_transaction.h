#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "search/study.h"
#include "search/trial.h"
#include "storage/storage.h"

namespace assay {

// An attempt that has been told to stop, for its holder to hear.
struct StopOrder {
  TrialId trial;
  int32_t attempt = 0;
  std::string reason;
};

// What one committed write did to a study, for those who follow it in memory.
struct StudyChange {
  Study study;
  std::shared_ptr<const StudySpec> spec;  // In force after it.
  std::vector<Attempt> started;
  std::vector<Attempt> ended;
  std::vector<Trial> ended_trials;
  std::vector<StopOrder> stops;
  bool queue_grew = false;  // A trial waits that did not before.
  bool changed = false;     // Anything at all.

  // A trial may be handed out now that could not be before.
  bool MayStartTrials() const {
    return queue_grew || !ended.empty() ||
           study.changed_revision == study.revision;
  }
};

// One study inside a write: the place that keeps its counts, numbers and
// revisions right and ends it when its budget is spent. Lives on the writer
// thread, for one body.
class StudyTransaction {
 public:
  StudyTransaction(Transaction& rows, Study study,
                   std::shared_ptr<const StudySpec> spec, absl::Time now);

  Transaction& rows() { return rows_; }
  Study& study() { return change_.study; }
  const StudySpec& spec() const { return *change_.spec; }
  absl::Time now() const { return now_; }

  // Says that the study's own fields changed.
  void Touch() { touched_ = true; }

  // The spec in force from now on.
  void UseSpec(StudySpec spec, uint64_t seed);

  // A new trial in state kPending, or finished. Gives it its id, number and
  // revisions.
  absl::Status Add(Trial& trial);

  // Starts a kPending trial for the holder in `attempt` (holder, instance,
  // by_worker, lease, slot, gpu are read), and stores both. Returns the
  // attempt. The first start of a configuration puts its other replicates into
  // the queue.
  absl::StatusOr<Attempt> Start(Trial& trial, const Attempt& holder);

  // A new trial that runs at once. As Add() and Start() together, in one row.
  absl::StatusOr<Attempt> AddRunning(Trial& trial, const Attempt& holder);

  // A finished trial with its one attempt and curve, run elsewhere. REQUIRES:
  // `started` and `ended`. Raises `last_step` to that of the curve.
  absl::Status AddImported(Trial& trial, const std::string& holder,
                           std::vector<Measurement>& curve);

  // Stores what a transition of search/trial.h did to a running trial and its
  // attempt. `before` is the state before it.
  absl::Status Store(Trial& trial, const Attempt& attempt, TrialState before);

  // Stores a trial that has no attempt to end (a waiting one that is stopped).
  absl::Status Store(Trial& trial, TrialState before);

  // Records that the attempt is to stop, once. OK if it was told before.
  absl::Status TellToStop(Trial& trial, Attempt& attempt, std::string reason);

  // Records where a running attempt runs. OK if that is known, or `slot` is 0.
  absl::Status SetSlot(Trial& trial, Attempt& attempt, int32_t slot,
                       std::string gpu);

  // Tells every running attempt to stop.
  absl::Status TellAllToStop(const std::string& reason);

  // Takes every waiting trial out of the queue.
  absl::Status StopAllPending(const std::string& reason);

  // Stores the measurements, gives each its revision, and counts the steps.
  absl::Status Add(Trial& trial, const Attempt& attempt,
                   absl::Span<Measurement> measurements);

  // The value of each metric of the spec that has one, `given` first.
  absl::StatusOr<Metrics> FinalMetrics(const Trial& trial,
                                       const Attempt& attempt, Metrics given);

  // What the search of the study knew when the write began.
  struct Outlook {
    bool exhausted = false;  // It has nothing left to propose.
    // Revision of the newest result it knew, if nothing is to go on after that.
    std::optional<int64_t> nothing_continues_after = {};
  };
  // Ends the study if it is spent and nothing runs; stores its row. Last.
  absl::Status Save(const Outlook& outlook);

  StudyChange TakeChange() && { return std::move(change_); }

 private:
  // Stores what became of an attempt that still runs; the watchers hear of it.
  absl::Status StoreRunning(Trial& trial, const Attempt& attempt);
  void Number(Trial& trial);
  absl::StatusOr<Attempt> BeginAttempt(Trial& trial, const Attempt& holder);
  absl::Status AddReplicates(const Trial& first);
  void CountSteps(int64_t steps);
  int64_t NextRevision() { return ++change_.study.revision; }
  std::optional<double> Objective(const Trial& trial) const;
  absl::Status EndIfSpent(const Outlook& outlook);
  absl::StatusOr<bool> StartedOnesGoOn(const Outlook& outlook);
  absl::StatusOr<bool> ScheduleGoesOn(const Outlook& outlook);
  absl::Status CheckTarget(const Trial& trial);

  Transaction& rows_;
  absl::Time now_;
  int64_t initial_revision_ = 0;
  int64_t measured_ = 0;  // Revisions that are measurements.
  StudyChange change_;
  std::optional<Spent> target_reached_;
  bool touched_ = false;
};

// The oldest waiting trial that is no new configuration: it ran before, is a
// replicate of one that did, or goes on from one.
absl::StatusOr<std::optional<Trial>> FirstRequeued(Snapshot& rows,
                                                   StudyId study);

}  // namespace assay
