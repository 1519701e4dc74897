#pragma once

#include <map>
#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "search/base/mutex.h"
#include "search/stopping/running_savings.h"
#include "server/executor.h"
#include "server/metrics.h"
#include "server/study_registry.h"
#include "storage/storage.h"

namespace assay {

// Shows what early stopping and the schedule have saved each study that is not
// over. Follows the studies' logs in the background, page by page from where it
// was, so that a scrape reads a number and the log is read once in the life of
// the process. Thread-safe.
class SavingsMeter final : public StudyObserver {
 public:
  struct Parts {  // All must outlive the meter, and its tasks end before it.
    StudyRegistry& registry;
    Storage& storage;
    ServerMetrics& metrics;
    Executor& executor;
  };
  explicit SavingsMeter(Parts parts) : parts_(parts) {}

  // Of the studies that are not over, what was there before.
  absl::Status Load();

  void Changed(const StudyChange& change) override ABSL_LOCKS_EXCLUDED(mutex_);

  // Reads what is new. Call it now and then.
  void Measure() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What is known of one study's log.
  struct Followed {
    std::unique_ptr<RunningSavings> savings;
    int64_t through = 0;  // Revision.
  };
  struct Wanted {
    std::shared_ptr<const StudySpec> spec;
    bool is_new = false;  // Something is in the log beyond what was read.
  };

  void Note(const Study& study, std::shared_ptr<const StudySpec> spec)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // One page of one study, then the next. On the executor, once at a time.
  void ReadSome() ABSL_LOCKS_EXCLUDED(mutex_);
  // True if there is more.
  absl::StatusOr<bool> ReadPage(StudyId study, const StudySpec& spec);
  void Show(StudyId study, const StudySpec& spec, const Savings& savings);

  const Parts parts_;

  absl::flat_hash_map<StudyId, Followed> followed_;  // Of the executor's task.

  Mutex mutex_;
  std::map<StudyId, Wanted> wanted_ ABSL_GUARDED_BY(mutex_);
  std::set<StudyId> over_ ABSL_GUARDED_BY(mutex_);  // To be forgotten.
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace assay
