#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "search/study.h"
#include "storage/storage.h"

namespace assay {

// At most `limit` trials of the study, the best first, by its first objective;
// none if it has no objective. With a schedule those that ran to its max_steps,
// or, while there are none, any.
absl::StatusOr<std::vector<Trial>> BestTrials(Snapshot& rows, StudyId study,
                                              const StudySpec& spec, int limit);

}  // namespace assay
