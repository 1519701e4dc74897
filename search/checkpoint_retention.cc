#include "search/checkpoint_retention.h"

namespace assay {
namespace {

constexpr int64_t kAudit = int64_t{1} << 52;  // Above all ids.

}  // namespace

bool IsNeeded(const CheckpointFacts& facts) {
  if (!facts.is_newest) return false;
  const bool waits_for_child =
      facts.may_be_continued && facts.trial_has_result && !facts.has_successor;
  return facts.trial_is_unfinished || facts.has_unfinished_child ||
         facts.is_best || waits_for_child;
}

int64_t AuditOf(int64_t chain) { return kAudit + chain; }

bool IsAudit(const Trial& run) {
  return run.origin.strategy == "gradient" && run.origin.ordinal >= kAudit;
}

int64_t MemberOf(const Trial& run) {
  return run.continues ? run.origin.ordinal : run.id.value;
}

// In a population it may be a copy by another member, and its own member goes
// on from it later.
bool Succeeds(const Trial& child, const Trial& parent,
              const ScheduleSpec& schedule) {
  if (child.state != TrialState::kCompleted) return false;
  return !schedule.IsPopulation() || MemberOf(child) == MemberOf(parent);
}

bool IsDeparture(const Trial& run, const Trial& parent) {
  return run.state == TrialState::kCompleted &&
         MemberOf(run) != MemberOf(parent);
}

bool GoesBack(const ScheduleSpec& schedule) {
  return schedule.name == "gradient";
}

bool HasContinuations(const StudySpec& spec) { return spec.schedule.exists(); }

bool MayBeContinued(const Study& study, const StudySpec& spec,
                    const Trial& trial) {
  return study.state != StudyState::kCompleted && !study.hidden &&
         HasContinuations(spec) && !IsAudit(trial) &&
         trial.to_step < spec.schedule.max_steps;
}

}  // namespace assay
