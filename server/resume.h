#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "search/checkpoint.h"
#include "search/trial.h"
#include "storage/storage.h"

namespace assay {

// What the attempt that runs `trial` now goes on from: the newest checkpoint of
// the trial itself, which an earlier attempt left (or this one, if its holder
// starts again), else of the one that it
// continues. nullptr: there is none.
absl::StatusOr<std::shared_ptr<const Checkpoint>> FindResume(
    Snapshot& rows, const Trial& trial);

}  // namespace assay
