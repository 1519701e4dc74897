#include "search/checkpoint_retention.h"

namespace assay {

bool IsNeeded(const CheckpointFacts& facts) {
  if (!facts.is_newest) return false;
  const bool waits_for_child = facts.may_be_continued &&
                               facts.trial_has_result &&
                               !facts.has_completed_child;
  return facts.trial_is_unfinished || facts.has_unfinished_child ||
         facts.is_best || waits_for_child;
}

bool HasContinuations(const StudySpec& spec) { return spec.schedule.exists(); }

bool MayBeContinued(const Study& study, const StudySpec& spec) {
  return study.state != StudyState::kCompleted && !study.hidden &&
         HasContinuations(spec);
}

}  // namespace assay
