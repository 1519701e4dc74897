#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/stopping/recorded_trial.h"
#include "server/study_registry.h"
#include "storage/storage.h"

namespace assay {

inline constexpr int64_t kMaxRecordedMeasurements = 1'000'000;

// The trials of a study that are not deleted, with what they reported of its
// declared metrics, up to the view's revision, page by page. `check` is asked
// between two pages: its error is returned. FailedPrecondition for a study with
// more than kMaxRecordedMeasurements, about 200 MB of memory.
absl::StatusOr<std::vector<RecordedTrial>> ReadRecordedTrials(
    Storage& storage, const StudyView& view,
    absl::FunctionRef<absl::Status()> check);

}  // namespace assay
