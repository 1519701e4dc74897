#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "search/checkpoint.h"
#include "worker/cancellation.h"
#include "worker/checkpoint_channel.h"
#include "worker/chunk_cache.h"

namespace assay {

struct DownloadOptions {
  absl::Duration patience = absl::Minutes(10);  // With a coordinator away.
  absl::Duration first_retry = absl::Milliseconds(200);
  absl::Duration last_retry = absl::Seconds(5);
  int tries = 3;  // Of a chunk that is damaged or missing.
};

// Makes the checkpoint's files in `folder`, each chunk from the cache or else
// from the coordinator, verified by its hash. On an error the folder is gone;
// Cancelled if it was cancelled. Waits for the network.
absl::Status Download(const Checkpoint& checkpoint, const std::string& folder,
                      CheckpointChannel& channel, ChunkCache& cache,
                      Cancellation& cancellation,
                      const DownloadOptions& options = {});

}  // namespace assay
