#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "search/id.h"
#include "search/study.h"
#include "storage/storage.h"

namespace assay {

// How people name a study: its id in digits, "owner/name", or "name" of the
// owner "local".
struct StudyReference {
  std::optional<StudyId> id;  // Else by owner and name.
  std::pair<std::string, std::string> name;
};

// An id beyond what there can be is that of no study.
StudyReference ParseStudyReference(const std::string& reference);

// The study of that reference. NotFound, also if it was deleted.
absl::StatusOr<Study> FindStudyBy(Snapshot& rows, const std::string& reference);

}  // namespace assay
