#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "assay/v1/checkpoint.pb.h"
#include "assay/v1/study.pb.h"
#include "search/checkpoint.h"

// What CheckpointService takes and says, as convert.h does for the rest.

namespace assay {

// InvalidArgument as CheckManifest().
absl::StatusOr<Manifest> ToManifest(const v1::Manifest& message);
v1::Manifest ToMessage(const Manifest& manifest);

// `trial`, `attempt`, `step` and what follows from the manifest.
// InvalidArgument as above, and for a step outside 0 to 2^53.
absl::StatusOr<Checkpoint> ToCheckpoint(
    const v1::CommitCheckpointRequest& message);
v1::CommitCheckpointRequest ToCommitRequest(const Checkpoint& checkpoint);

// As the server sends it.
absl::StatusOr<Checkpoint> ToCheckpoint(const v1::Checkpoint& message);
// Without a manifest if it has no files.
v1::Checkpoint ToMessage(const Checkpoint& checkpoint);

// A study's `checkpoints`: its quota in bytes, nullopt if it names none.
absl::StatusOr<std::optional<int64_t>> ToCheckpointBytes(
    const v1::CheckpointQuota& message);

}  // namespace assay
