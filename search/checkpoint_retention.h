#pragma once

#include "absl/time/time.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// A checkpoint that nothing needed for so long is deleted.
inline constexpr absl::Duration kCheckpointGrace = absl::Minutes(10);
// A chunk that no checkpoint names is kept so long: one that is on its way may.
inline constexpr absl::Duration kChunkGrace = absl::Hours(1);

// What decides whether a checkpoint is needed.
struct CheckpointFacts {
  bool is_newest = false;  // Of its trial. What is older is of no use.
  bool trial_is_unfinished = false;   // Its next attempt resumes here.
  bool trial_has_result = false;      // COMPLETED, or STOPPED early.
  bool has_unfinished_child = false;  // A trial that `continues` this one.
  bool has_successor = false;     // A child that Succeeds() it, or a departure.
  bool may_be_continued = false;  // MayBeContinued() of the study.
  bool is_best = false;           // Of the study's best trial.
};

bool IsNeeded(const CheckpointFacts& facts);

// Runs of a gradient's audit carry this in the place of their chain's ordinal,
// since nothing goes on from them.
int64_t AuditOf(int64_t chain);
bool IsAudit(const Trial& run);

// The name of the population's member, or of the chain, that the run is one of:
// the id of its first run, which later ones carry as their ordinal.
int64_t MemberOf(const Trial& run);

// Whether the schedule will go on from `child`, and from `parent` no more.
// REQUIRES: child.continues == parent.id.
bool Succeeds(const Trial& child, const Trial& parent,
              const ScheduleSpec& schedule);

// Whether with this run, of a schedule with members, its member left what it
// had run before for the place of another one, `parent`.
// REQUIRES: run.continues == parent.id.
bool IsDeparture(const Trial& run, const Trial& parent);

// Whether the schedule may go on from the parent again after its successor
// ended (schedule "gradient", if that was no success): the parent is needed
// until the successor has one.
bool GoesBack(const ScheduleSpec& schedule);

// Whether trials of this study are run again from the end of others: it has a
// schedule. Then a trial should leave a checkpoint at its end.
bool HasContinuations(const StudySpec& spec);

// The same of one of them and as of now: a study that is over hands out
// nothing, and after the last step nothing is left.
bool MayBeContinued(const Study& study, const StudySpec& spec,
                    const Trial& trial);

}  // namespace assay
