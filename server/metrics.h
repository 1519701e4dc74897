#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "search/id.h"
#include "search/study.h"
#include "search/trial.h"
#include "server/http/metric_info.h"

namespace assay {

// What the coordinator shows Prometheus (`Metrics` are the values of a trial).
// Thread-safe; each call is a few atomic operations, at most under a short
// lock, and may stand in a hot path.
//
// The number of series is bounded: algorithms, methods and codes come from the
// code; a study's series exist from AddStudy() to RemoveStudy(), and of the
// studies added only kMaxStudies have some. The others are counted and move up
// when places become free. Calls about a study that was not added do nothing:
// a late result cannot bring a finished study's series back.
class ServerMetrics {
 public:
  static constexpr int kMaxStudies = 200;

  // `started`: of the process.
  explicit ServerMetrics(absl::Time started);
  ~ServerMetrics();

  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // Every metric there is, by name. deploy/prometheus/README.md shows the same.
  static absl::Span<const MetricInfo> List();

  // All that was said so far in Prometheus' text format 0.0.4.
  std::string Serialize() const;

  // Studies. `label` is "owner/name". Added twice is added once.
  void AddStudy(StudyId study, const std::string& label);
  void RemoveStudy(StudyId study);
  void SetTrials(StudyId study, const StudyCounts& counts);
  // The best trial's value of `metric`, an objective or bound of the study.
  void SetBest(StudyId study, const std::string& metric, double value);
  void SetStock(StudyId study, int proposals);
  // What spares trials a part of their training.
  enum class Saver { kEarlyStopping, kSchedule };
  void SetSaved(StudyId study, Saver saver, double seconds);
  // `reason`: one of a few words of the code, why no worker takes a trial of
  // it; empty: it does not wait.
  void SetWaiting(StudyId study, const std::string& reason);

  // Search and training.
  // Of a client's call; `algorithm`: of the last trial's proposal.
  void ObserveSuggest(const std::string& algorithm, absl::Duration duration);
  // Of a study's search, by the algorithm of its spec.
  void ObserveSearch(const std::string& algorithm, absl::Duration duration);
  // One message, by a client or a worker, with this many measurements.
  void CountReport(int measurements);
  // Of an attempt that ended. kPreempted counts as lost, kInfeasible as failed.
  void AddTrainingSeconds(AttemptOutcome outcome, double seconds);
  void CountLeaseExpiry();
  void SetWorkers(int workers, int slots_total, int slots_busy);

  // Checkpoints. `bytes`: of a chunk that was taken, or of all that are kept.
  void CountChunk(int64_t bytes);
  void CountCheckpoint();
  void CountDeletedCheckpoints(int count);
  void SetCheckpointBytes(int64_t bytes);

  // Storage. `writes`: how many shared the commit.
  void ObserveCommit(absl::Duration duration, int writes);
  // In total, since the start.
  void SetCommitFailures(int64_t failures);
  void SetCommitQueueBytes(int64_t bytes);
  void SetDatabaseBytes(int64_t database, int64_t wal);
  void SetFreeDisk(int64_t bytes);
  // As /healthz says.
  void SetHealthy(bool healthy);

  // RPCs. `method` is one of the code's own names: "TrialService/Suggest".
  void ObserveRpc(absl::string_view method, absl::StatusCode code,
                  absl::Duration duration);
  void SetWatchers(int watchers);
  void SetWaitingSuggests(int waiting);

 private:
  struct Series;  // Keeps prometheus-cpp's headers out of here.
  std::unique_ptr<Series> series_;
};

}  // namespace assay
