#include "worker/checkpoint_download.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "search/base/clock.h"
#include "search/base/status_macros.h"
#include "storage/checkpoint_files.h"

namespace assay {
namespace {

bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         status.code() == absl::StatusCode::kUnknown;
}

absl::StatusOr<std::string> FetchChunk(const std::string& hash,
                                       CheckpointChannel& channel,
                                       Cancellation& cancellation,
                                       const DownloadOptions& options) {
  const absl::Duration until = SystemClock().SinceBoot() + options.patience;
  absl::Duration wait = options.first_retry;
  for (int failures = 0;;) {
    absl::StatusOr<std::string> data = channel.GetChunk(hash, cancellation);
    if (data.ok()) return data;
    const bool again = IsAway(data.status()) ? SystemClock().SinceBoot() < until
                                             : ++failures < options.tries;
    if (!again) return data.status();
    if (!cancellation.Wait(wait)) return absl::CancelledError("");
    wait = std::min(wait * 2, options.last_retry);
  }
}

}  // namespace

absl::Status Download(const Checkpoint& checkpoint, const std::string& folder,
                      CheckpointChannel& channel, ChunkCache& cache,
                      Cancellation& cancellation,
                      const DownloadOptions& options) {
  const auto get = [&](const std::string& hash) -> absl::StatusOr<std::string> {
    if (cancellation.cancelled()) return absl::CancelledError("");
    absl::StatusOr<std::string> cached = cache.Get(hash);
    if (cached.ok()) return cached;
    ASSAY_ASSIGN_OR_RETURN(std::string data,
                           FetchChunk(hash, channel, cancellation, options));
    cache.Put(hash, data);
    return data;
  };
  const absl::Status status = WriteFiles(checkpoint.manifest, folder, get);
  if (status.ok()) return status;
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return cancellation.cancelled() ? absl::CancelledError("") : status;
}

}  // namespace assay
