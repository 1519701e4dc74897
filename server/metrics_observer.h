#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "search/base/mutex.h"
#include "server/metrics.h"
#include "server/study_registry.h"
#include "server/worker_registry.h"
#include "storage/storage.h"

namespace assay {

// Keeps the series of studies as the studies are: adds them when they start,
// follows counts, best values and training time, removes them when they are
// over. Thread-safe.
class MetricsObserver final : public StudyObserver {
 public:
  struct Parts {  // All must outlive the observer.
    StudyRegistry& registry;
    Storage& storage;
    const WorkerRegistry& workers;
    ServerMetrics& metrics;
  };
  explicit MetricsObserver(Parts parts) : parts_(parts) {}

  // Shows the studies that are not over.
  absl::Status Load();

  void Changed(const StudyChange& change) override ABSL_LOCKS_EXCLUDED(mutex_);

  // Ready proposals of each study. Call it now and then.
  void MeasureStock() ABSL_LOCKS_EXCLUDED(mutex_);
  // Why each waits: costs studies times workers where every slot is busy.
  void MeasureWaiting() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Best {
    bool is_whole = false;  // Ran to the schedule's end: better than others.
    double value = 0;
  };

  static bool IsBetter(const Best& a, const Best& b, Goal goal);
  std::vector<StudyId> Shown() const ABSL_LOCKS_EXCLUDED(mutex_);
  // True if it was not shown before.
  bool Show(const Study& study) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LoadBest(StudyId study, const StudySpec& spec)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Offer(StudyId study, const StudySpec& spec, const Trial& trial)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Parts parts_;

  mutable Mutex mutex_;
  // By metric, of studies that are shown.
  absl::flat_hash_map<StudyId, std::map<std::string, Best>> best_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
