#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "search/checkpoint.h"
#include "storage/chunk_folder.h"
#include "worker/cancellation.h"

namespace assay {

// CheckpointService as an upload and a download use it. Each call waits, at
// most a minute, for the coordinator's answer; a cancelled one ends at once
// with Cancelled. With a folder that coordinator and worker share, chunks are
// written and read there, and only manifests travel. Thread-safe.
class CheckpointChannel {
 public:
  virtual ~CheckpointChannel() = default;

  // The chunks to be put.
  virtual absl::StatusOr<std::vector<std::string>> Missing(
      const Checkpoint& checkpoint, Cancellation& cancellation) = 0;
  virtual absl::Status PutChunk(const std::string& hash, absl::string_view data,
                                Cancellation& cancellation) = 0;
  virtual absl::Status Commit(const Checkpoint& checkpoint,
                              Cancellation& cancellation) = 0;
  virtual absl::StatusOr<std::string> GetChunk(const std::string& hash,
                                               Cancellation& cancellation) = 0;
};

// `server`: host:port or unix:/path. `shared`: nullptr if there is none.
std::unique_ptr<CheckpointChannel> OpenCheckpointChannel(
    const std::string& server, std::unique_ptr<ChunkFolder> shared);

}  // namespace assay
