#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/base/mutex.h"
#include "worker/cancellation.h"
#include "worker/checkpoint_channel.h"
#include "worker/chunk_cache.h"

namespace assay {

// A copy of what a trial left, in a folder of its own.
struct CheckpointSnapshot {
  std::string folder;
  int64_t step = 0;
};

// Brings the snapshots of one attempt to the coordinator, on a thread of its
// own, the newest only: one that waits is dropped when a newer one comes. While
// the coordinator is away it is tried again and again; after a break only what
// is still missing is sent. Thread-safe.
class CheckpointUploader {
 public:
  struct Options {
    // Both must outlive this. `cache` may be nullptr.
    CheckpointChannel* channel = nullptr;
    ChunkCache* cache = nullptr;
    int64_t trial = 0;
    // The number of the attempt as the coordinator knows it now.
    std::function<int32_t()> attempt;
    // What people should read in the trial's log; from the uploader's thread.
    std::function<void(const std::string&)> say;
    absl::Duration first_retry = absl::Milliseconds(200);
    absl::Duration last_retry = absl::Seconds(5);
  };

  explicit CheckpointUploader(Options options);
  // Gives up what is under way.
  ~CheckpointUploader();
  CheckpointUploader(const CheckpointUploader&) = delete;
  CheckpointUploader& operator=(const CheckpointUploader&) = delete;

  // Takes the folder over: it is removed once it is of no use.
  void Add(CheckpointSnapshot snapshot) ABSL_LOCKS_EXCLUDED(mutex_);

  // Calls `done` once nothing waits and nothing is under way; from the
  // uploader's thread, or at once. Of several the last counts.
  void WhenIdle(std::function<void()> done) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // nullopt: it is to end.
  std::optional<CheckpointSnapshot> Next() ABSL_LOCKS_EXCLUDED(mutex_);
  bool NewerWaits() const ABSL_LOCKS_EXCLUDED(mutex_);
  void Upload(const CheckpointSnapshot& snapshot);
  absl::StatusOr<Checkpoint> Read(const CheckpointSnapshot& snapshot);
  absl::Status TryOnce(const CheckpointSnapshot& snapshot,
                       Checkpoint& checkpoint);
  absl::Status Send(const CheckpointSnapshot& snapshot,
                    const Checkpoint& checkpoint,
                    const std::vector<std::string>& missing);

  const Options options_;
  Cancellation cancellation_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::optional<CheckpointSnapshot> waiting_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> when_idle_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::string last_said_;  // Of the uploader's thread.
  std::thread thread_;     // Last: it uses the rest.
};

}  // namespace assay
