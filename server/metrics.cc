#include "server/metrics.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "search/base/mutex.h"
#include "server/http/metric_families.h"
#include "server/http/process_metrics.h"

namespace assay {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// The one list, by name. Help and documentation are both made from it.
constexpr MetricInfo kMetrics[] = {
    {"assay_build_info", "gauge", "version", "1, for the version that runs"},
    {"assay_checkpoint_bytes", "gauge", "",
     "What checkpoints take on the disk, each chunk once for each study"},
    {"assay_checkpoint_deletions_total", "counter", "",
     "Checkpoints deleted because nothing needed them"},
    {"assay_checkpoint_upload_bytes_total", "counter", "",
     "Bytes of chunks taken"},
    {"assay_checkpoints_total", "counter", "", "Checkpoints taken"},
    {"assay_commit_failures_total", "counter", "",
     "Groups of writes that could not be committed"},
    {"assay_commit_group_size", "histogram", "",
     "Writes that shared one commit of the database"},
    {"assay_commit_queue_bytes", "gauge", "", "Bytes of writes that wait"},
    {"assay_commit_seconds", "histogram", "",
     "Seconds one durable commit took"},
    {"assay_database_bytes", "gauge", "", "Size of the database file"},
    {"assay_disk_free_bytes", "gauge", "",
     "Free space where the data folder lies"},
    {"assay_healthy", "gauge", "", "1 if /healthz says ok, else 0"},
    {"assay_lease_expiries_total", "counter", "",
     "Attempts that were lost because their lease ran out"},
    {"assay_measurements_total", "counter", "", "Measurements taken"},
    {"assay_reports_total", "counter", "",
     "Messages of clients and workers that brought measurements"},
    {"assay_rpc_seconds", "histogram", "method",
     "Seconds from an RPC's arrival to its end"},
    {"assay_rpcs_total", "counter", "method, code", "RPCs that ended"},
    {"assay_search_seconds", "histogram", "algorithm",
     "Seconds in which a study's search made proposals, fits of models "
     "included, in the background"},
    {"assay_stock_proposals", "gauge", "study, id",
     "Proposals that are ready to be handed out"},
    {"assay_studies", "gauge", "", "Studies that are not over"},
    {"assay_studies_without_series", "gauge", "",
     "Of these, studies beyond the 200 that have series of their own"},
    {"assay_study_best_value", "gauge", "study, id, metric",
     "The best trial's value of the metric"},
    {"assay_study_saved_training_seconds", "gauge", "study, id, by",
     "Training that early_stopping or the schedule has saved"},
    {"assay_study_waiting", "gauge", "study, id, reason",
     "1 if no worker takes a trial of the study: no_worker, not_offered, "
     "draining, busy, or search_failed"},
    {"assay_suggest_seconds", "histogram", "algorithm",
     "Seconds from a client's Suggest to its trials, by what proposed them"},
    {"assay_training_seconds_total", "counter", "outcome",
     "Seconds of attempts that finished, were stopped, failed or were lost"},
    {"assay_trials", "gauge", "study, id, state",
     "Trials that are pending, running, completed, stopped, failed or "
     "infeasible"},
    {"assay_waiting_suggests", "gauge", "",
     "Calls of Suggest that wait for a trial"},
    {"assay_wal_bytes", "gauge", "", "Size of the database's write-ahead log"},
    {"assay_watchers", "gauge", "", "Streams that watch a study"},
    {"assay_worker_slots", "gauge", "state",
     "Slots of connected workers: total, and busy ones"},
    {"assay_workers", "gauge", "", "Workers that are connected"},
    {"process_cpu_seconds_total", "counter", "",
     "Processor time that the process has used"},
    {"process_max_fds", "gauge", "", "Descriptors that it may have open"},
    {"process_open_fds", "gauge", "", "Descriptors that it has open"},
    {"process_resident_memory_bytes", "gauge", "", "Memory that it occupies"},
    {"process_start_time_seconds", "gauge", "",
     "When the process started, in seconds since 1970"},
};

// 100 us to 1 min: a commit, a suggestion from the stock, a model fit, a wait.
const Histogram::BucketBoundaries& SecondsBuckets() {
  static const auto& buckets = *new Histogram::BucketBoundaries{
      0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
      0.1,    0.2,    0.5,    1,     2,     5,     10,   30,   60};
  return buckets;
}

Histogram::BucketBoundaries GroupBuckets() {
  return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
}

enum StateIndex {
  kPending,
  kRunning,
  kCompleted,
  kStopped,
  kFailed,
  kInfeasible
};
constexpr std::array<const char*, 6> kStates = {
    "pending", "running", "completed", "stopped", "failed", "infeasible"};

enum OutcomeIndex { kEndFinished, kEndStopped, kEndFailed, kEndLost };
constexpr std::array<const char*, 4> kOutcomes = {"finished", "stopped",
                                                  "failed", "lost"};

OutcomeIndex ToIndex(AttemptOutcome outcome) {
  switch (outcome) {
    case AttemptOutcome::kCompleted:
      return kEndFinished;
    case AttemptOutcome::kStopped:
      return kEndStopped;
    case AttemptOutcome::kFailed:
    case AttemptOutcome::kInfeasible:
      return kEndFailed;
    case AttemptOutcome::kLost:
    case AttemptOutcome::kPreempted:
    case AttemptOutcome::kRunning:
      break;
  }
  return kEndLost;
}

constexpr std::array<const char*, 2> kSavers = {"early_stopping", "schedule"};

// gRPC's codes, 0 to 16.
constexpr int kCodes = 17;

struct StudySeries {
  prometheus::Labels labels;                       // study, id.
  bool has_place = false;                          // One of the kMaxStudies.
  std::array<Gauge*, kStates.size()> trials = {};  // Null until set.
  std::map<std::string, Gauge*> best;              // By metric.
  Gauge* stock = nullptr;                          // Null until set.
  std::array<Gauge*, kSavers.size()> saved = {};   // Null until set.
  Gauge* waiting = nullptr;                        // Null: it does not wait.
  std::string waiting_reason;
};

struct MethodSeries {
  Histogram* seconds = nullptr;
  std::array<Counter*, kCodes> codes = {};  // Null until counted.
};

prometheus::Labels With(prometheus::Labels labels, const std::string& name,
                        const std::string& value) {
  labels.emplace(name, value);
  return labels;
}

}  // namespace

struct ServerMetrics::Series {
  MetricFamilies families{kMetrics};
  ProcessMetrics process;

  Family<Gauge>& trials = families.Gauges("assay_trials");
  Family<Gauge>& best = families.Gauges("assay_study_best_value");
  Family<Gauge>& stock = families.Gauges("assay_stock_proposals");
  Family<Gauge>& saved = families.Gauges("assay_study_saved_training_seconds");
  Family<Gauge>& waiting_studies = families.Gauges("assay_study_waiting");
  Gauge& studies = families.Gauge("assay_studies");
  Gauge& without_series = families.Gauge("assay_studies_without_series");

  Family<Histogram>& search = families.Histograms("assay_search_seconds");
  Family<Histogram>& suggest = families.Histograms("assay_suggest_seconds");
  Counter& reports = families.Counter("assay_reports_total");
  Counter& measurements = families.Counter("assay_measurements_total");
  std::array<Counter*, kOutcomes.size()> training = {};
  Counter& expiries = families.Counter("assay_lease_expiries_total");
  Gauge& workers = families.Gauge("assay_workers");
  Family<Gauge>& slots = families.Gauges("assay_worker_slots");
  Gauge& slots_total = slots.Add({{"state", "total"}});
  Gauge& slots_busy = slots.Add({{"state", "busy"}});

  Gauge& checkpoint_bytes = families.Gauge("assay_checkpoint_bytes");
  Counter& checkpoint_deletions =
      families.Counter("assay_checkpoint_deletions_total");
  Counter& upload_bytes =
      families.Counter("assay_checkpoint_upload_bytes_total");
  Counter& checkpoints = families.Counter("assay_checkpoints_total");

  Histogram& commit =
      families.Histograms("assay_commit_seconds").Add({}, SecondsBuckets());
  Counter& commit_failures = families.Counter("assay_commit_failures_total");
  Histogram& group =
      families.Histograms("assay_commit_group_size").Add({}, GroupBuckets());
  Gauge& queue_bytes = families.Gauge("assay_commit_queue_bytes");
  Gauge& database_bytes = families.Gauge("assay_database_bytes");
  Gauge& wal_bytes = families.Gauge("assay_wal_bytes");

  Gauge& disk_free = families.Gauge("assay_disk_free_bytes");
  Gauge& healthy = families.Gauge("assay_healthy");

  Family<Counter>& rpcs = families.Counters("assay_rpcs_total");
  Family<Histogram>& rpc_seconds = families.Histograms("assay_rpc_seconds");
  Gauge& watchers = families.Gauge("assay_watchers");
  Gauge& waiting = families.Gauge("assay_waiting_suggests");

  Mutex studies_mutex;
  absl::flat_hash_map<StudyId, StudySeries> by_study
      ABSL_GUARDED_BY(studies_mutex);
  int places_taken ABSL_GUARDED_BY(studies_mutex) = 0;

  // Above the maps that find a series without building its labels.
  Mutex names_mutex;
  absl::flat_hash_map<std::string, MethodSeries> by_method
      ABSL_GUARDED_BY(names_mutex);
  absl::flat_hash_map<std::string, Histogram*> by_algorithm
      ABSL_GUARDED_BY(names_mutex);

  explicit Series(absl::Time started) : process(families, started) {
    families.Gauges("assay_build_info")
        .Add({{"version", ASSAY_VERSION}})
        .Set(1);
    Family<Counter>& family = families.Counters("assay_training_seconds_total");
    for (size_t i = 0; i < kOutcomes.size(); ++i) {
      training[i] = &family.Add({{"outcome", kOutcomes[i]}});
    }
  }

  // The study's series if it was added and has or gets a place, else null.
  StudySeries* WithPlace(StudyId study)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(studies_mutex) {
    const auto it = by_study.find(study);
    if (it == by_study.end()) return nullptr;
    StudySeries& series = it->second;
    if (!series.has_place) {
      if (places_taken == kMaxStudies) return nullptr;
      series.has_place = true;
      ++places_taken;
      CountStudies();
    }
    return &series;
  }

  void CountStudies() ABSL_EXCLUSIVE_LOCKS_REQUIRED(studies_mutex) {
    studies.Set(static_cast<double>(by_study.size()));
    without_series.Set(static_cast<double>(by_study.size()) - places_taken);
  }

  void Drop(const StudySeries& series) {
    for (Gauge* gauge : series.trials) {
      if (gauge != nullptr) trials.Remove(gauge);
    }
    for (const auto& [metric, gauge] : series.best) best.Remove(gauge);
    if (series.stock != nullptr) stock.Remove(series.stock);
    for (Gauge* gauge : series.saved) {
      if (gauge != nullptr) saved.Remove(gauge);
    }
    if (series.waiting != nullptr) waiting_studies.Remove(series.waiting);
  }

  void AddTrials(StudySeries& series) {
    for (size_t i = 0; i < kStates.size(); ++i) {
      series.trials[i] = &trials.Add(With(series.labels, "state", kStates[i]));
    }
  }
};

ServerMetrics::ServerMetrics(absl::Time started)
    : series_(std::make_unique<Series>(started)) {}
ServerMetrics::~ServerMetrics() = default;

absl::Span<const MetricInfo> ServerMetrics::List() { return kMetrics; }

std::string ServerMetrics::Serialize() const {
  series_->process.Measure();
  return series_->families.Serialize();
}

void ServerMetrics::AddStudy(StudyId study, const std::string& label) {
  MutexLock lock(series_->studies_mutex);
  StudySeries series;
  series.labels = {{"study", label}, {"id", std::to_string(study.value)}};
  series_->by_study.emplace(study, std::move(series));
  series_->WithPlace(study);
  series_->CountStudies();
}

void ServerMetrics::RemoveStudy(StudyId study) {
  MutexLock lock(series_->studies_mutex);
  const auto it = series_->by_study.find(study);
  if (it == series_->by_study.end()) return;
  series_->Drop(it->second);
  if (it->second.has_place) --series_->places_taken;
  series_->by_study.erase(it);
  series_->CountStudies();
}

void ServerMetrics::SetTrials(StudyId study, const StudyCounts& counts) {
  MutexLock lock(series_->studies_mutex);
  StudySeries* series = series_->WithPlace(study);
  if (series == nullptr) return;
  if (series->trials[0] == nullptr) series_->AddTrials(*series);
  const auto set = [&](StateIndex state, int64_t count) {
    series->trials[state]->Set(static_cast<double>(count));
  };
  set(kPending, counts.pending);
  set(kRunning, counts.running);
  set(kCompleted, counts.completed);
  set(kStopped, counts.stopped);
  set(kFailed, counts.failed);
  set(kInfeasible, counts.infeasible);
}

void ServerMetrics::SetBest(StudyId study, const std::string& metric,
                            double value) {
  MutexLock lock(series_->studies_mutex);
  StudySeries* series = series_->WithPlace(study);
  if (series == nullptr) return;
  Gauge*& gauge = series->best[metric];
  if (gauge == nullptr) {
    gauge = &series_->best.Add(With(series->labels, "metric", metric));
  }
  gauge->Set(value);
}

void ServerMetrics::SetStock(StudyId study, int proposals) {
  MutexLock lock(series_->studies_mutex);
  StudySeries* series = series_->WithPlace(study);
  if (series == nullptr) return;
  if (series->stock == nullptr) {
    series->stock = &series_->stock.Add(series->labels);
  }
  series->stock->Set(proposals);
}

void ServerMetrics::SetSaved(StudyId study, Saver saver, double seconds) {
  MutexLock lock(series_->studies_mutex);
  StudySeries* series = series_->WithPlace(study);
  if (series == nullptr) return;
  const auto index = static_cast<size_t>(saver);
  Gauge*& gauge = series->saved[index];
  if (gauge == nullptr) {
    gauge = &series_->saved.Add(With(series->labels, "by", kSavers[index]));
  }
  gauge->Set(seconds);
}

void ServerMetrics::SetWaiting(StudyId study, const std::string& reason) {
  MutexLock lock(series_->studies_mutex);
  StudySeries* series = series_->WithPlace(study);
  if (series == nullptr || series->waiting_reason == reason) return;
  if (series->waiting != nullptr) {
    series_->waiting_studies.Remove(series->waiting);
  }
  series->waiting_reason = reason;
  series->waiting = nullptr;
  if (reason.empty()) return;
  series->waiting =
      &series_->waiting_studies.Add(With(series->labels, "reason", reason));
  series->waiting->Set(1);
}

void ServerMetrics::ObserveSearch(const std::string& algorithm,
                                  absl::Duration duration) {
  series_->search.Add({{"algorithm", algorithm}}, SecondsBuckets())
      .Observe(absl::ToDoubleSeconds(duration));
}

void ServerMetrics::ObserveSuggest(const std::string& algorithm,
                                   absl::Duration duration) {
  Histogram* histogram = nullptr;
  {
    MutexLock lock(series_->names_mutex);
    Histogram*& found = series_->by_algorithm[algorithm];
    if (found == nullptr) {
      found =
          &series_->suggest.Add({{"algorithm", algorithm}}, SecondsBuckets());
    }
    histogram = found;
  }
  histogram->Observe(absl::ToDoubleSeconds(duration));
}

void ServerMetrics::CountReport(int measurements) {
  series_->reports.Increment();
  series_->measurements.Increment(measurements);
}

void ServerMetrics::AddTrainingSeconds(AttemptOutcome outcome, double seconds) {
  assert(outcome != AttemptOutcome::kRunning);
  series_->training[ToIndex(outcome)]->Increment(seconds);
}

void ServerMetrics::CountLeaseExpiry() { series_->expiries.Increment(); }

void ServerMetrics::SetWorkers(int workers, int slots_total, int slots_busy) {
  series_->workers.Set(workers);
  series_->slots_total.Set(slots_total);
  series_->slots_busy.Set(slots_busy);
}

void ServerMetrics::CountChunk(int64_t bytes) {
  series_->upload_bytes.Increment(static_cast<double>(bytes));
}

void ServerMetrics::CountCheckpoint() { series_->checkpoints.Increment(); }

void ServerMetrics::CountDeletedCheckpoints(int count) {
  series_->checkpoint_deletions.Increment(count);
}

void ServerMetrics::SetCheckpointBytes(int64_t bytes) {
  series_->checkpoint_bytes.Set(static_cast<double>(bytes));
}

void ServerMetrics::ObserveCommit(absl::Duration duration, int writes) {
  series_->commit.Observe(absl::ToDoubleSeconds(duration));
  series_->group.Observe(writes);
}

void ServerMetrics::SetCommitFailures(int64_t failures) {
  RaiseTo(series_->commit_failures, static_cast<double>(failures));
}

void ServerMetrics::SetCommitQueueBytes(int64_t bytes) {
  series_->queue_bytes.Set(static_cast<double>(bytes));
}

void ServerMetrics::SetDatabaseBytes(int64_t database, int64_t wal) {
  series_->database_bytes.Set(static_cast<double>(database));
  series_->wal_bytes.Set(static_cast<double>(wal));
}

void ServerMetrics::SetFreeDisk(int64_t bytes) {
  series_->disk_free.Set(static_cast<double>(bytes));
}

void ServerMetrics::SetHealthy(bool healthy) {
  series_->healthy.Set(healthy ? 1 : 0);
}

void ServerMetrics::ObserveRpc(absl::string_view method, absl::StatusCode code,
                               absl::Duration duration) {
  const int index = std::clamp(static_cast<int>(code), 0, kCodes - 1);
  Histogram* seconds = nullptr;
  Counter* count = nullptr;
  {
    MutexLock lock(series_->names_mutex);
    MethodSeries& found = series_->by_method[method];
    if (found.seconds == nullptr) {
      found.seconds = &series_->rpc_seconds.Add(
          {{"method", std::string(method)}}, SecondsBuckets());
    }
    if (found.codes[index] == nullptr) {
      found.codes[index] = &series_->rpcs.Add(
          {{"method", std::string(method)},
           {"code",
            absl::StatusCodeToString(static_cast<absl::StatusCode>(index))}});
    }
    seconds = found.seconds;
    count = found.codes[index];
  }
  seconds->Observe(absl::ToDoubleSeconds(duration));
  count->Increment();
}

void ServerMetrics::SetWatchers(int watchers) {
  series_->watchers.Set(watchers);
}

void ServerMetrics::SetWaitingSuggests(int waiting) {
  series_->waiting.Set(waiting);
}

}  // namespace assay
