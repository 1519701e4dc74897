#pragma once

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/base/clock.h"
#include "search/base/mutex.h"
#include "search/checkpoint.h"
#include "search/checkpoint_retention.h"
#include "server/checkpoint_registry.h"
#include "server/executor.h"
#include "server/metrics.h"
#include "server/study_registry.h"
#include "storage/storage.h"

namespace assay {

// Deletes checkpoints that nothing has needed for `grace`, by the rule
// of search/checkpoint_retention.h, and chunks that nobody names. Thread-safe.
class CheckpointCollector {
 public:
  struct Parts {  // All must outlive the collector.
    StudyRegistry& studies;
    Storage& storage;
    const Clock& clock;
    Executor& pool;
    CheckpointRegistry& checkpoints;
    ServerMetrics& metrics;
    absl::Duration grace = kCheckpointGrace;
  };
  explicit CheckpointCollector(Parts parts) : parts_(parts) {}

  // Looks at every checkpoint, page by page: marks what nothing needs any more,
  // takes the mark off what is needed again, deletes what is marked long. Then,
  // every kChunkGrace, looks at every file of the chunks' folder. Call it on a
  // pool, once a minute; nothing if another call is under way.
  void Collect() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class Verdict { kAsItIs, kMark, kUnmark, kDelete };

  absl::StatusOr<bool> IsNeededNow(Snapshot& rows,
                                   const Checkpoint& checkpoint) const;
  absl::StatusOr<Verdict> Judge(Snapshot& rows,
                                const Checkpoint& checkpoint) const;
  // Judges again, inside the write.
  void Execute(std::vector<CheckpointId> ids);
  void Sweep();

  const Parts parts_;

  Mutex mutex_;
  bool collecting_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration last_sweep_ ABSL_GUARDED_BY(mutex_);  // Since boot.
};

}  // namespace assay
