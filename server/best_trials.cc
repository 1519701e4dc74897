#include "server/best_trials.h"

#include "search/base/status_macros.h"

namespace assay {

absl::StatusOr<std::vector<Trial>> BestTrials(Snapshot& rows, StudyId study,
                                              const StudySpec& spec,
                                              int limit) {
  const std::vector<int> objectives = Objectives(spec);
  if (objectives.empty()) return std::vector<Trial>();
  const Goal goal = spec.metrics[objectives[0]].goal;
  ASSAY_ASSIGN_OR_RETURN(
      std::vector<Trial> best,
      rows.ListBest(study, goal, spec.schedule.max_steps, limit));
  if (!best.empty() || !spec.schedule.exists()) return best;
  return rows.ListBest(study, goal, 0, limit);
}

}  // namespace assay
