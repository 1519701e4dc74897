#include "server/resume.h"

#include <optional>
#include <utility>

#include "search/base/status_macros.h"

namespace assay {

absl::StatusOr<std::shared_ptr<const Checkpoint>> FindResume(
    Snapshot& rows, const Trial& trial) {
  ASSAY_ASSIGN_OR_RETURN(std::optional<Checkpoint> found,
                         rows.NewestCheckpoint(trial.id));
  if (!found && trial.continues) {
    ASSAY_ASSIGN_OR_RETURN(found, rows.NewestCheckpoint(trial.continues));
  }
  if (!found) return nullptr;
  return std::make_shared<const Checkpoint>(*std::move(found));
}

}  // namespace assay
