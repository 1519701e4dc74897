#include "worker/metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "search/base/mutex.h"
#include "server/http/metric_families.h"
#include "server/http/process_metrics.h"

namespace assay {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;

// The one list, by name. Help and documentation are both made from it.
constexpr MetricInfo kMetrics[] = {
    {"assay_attempts_total", "counter", "outcome",
     "Attempts that ended here: completed, stopped, failed, infeasible, "
     "handed_back or lost"},
    {"assay_build_info", "gauge", "version", "1, for the version that runs"},
    {"assay_gpu_busy", "gauge", "gpu", "1 if a trial has the GPU, else 0"},
    {"assay_gpu_info", "gauge", "gpu, uuid, name", "1, for each GPU"},
    {"assay_gpu_memory_bytes", "gauge", "gpu", "Memory that the GPU has"},
    {"assay_gpu_memory_used_bytes", "gauge", "gpu",
     "Of this, by any process of the machine"},
    {"assay_gpu_power_watts", "gauge", "gpu", "Power that it draws"},
    {"assay_gpu_temperature_celsius", "gauge", "gpu", "Its temperature"},
    {"assay_gpu_utilization_ratio", "gauge", "gpu",
     "Share of time in which it ran a kernel, 0 to 1"},
    {"assay_machine_cpu_seconds_total", "counter", "mode",
     "Processor time of the machine: busy, idle"},
    {"assay_machine_memory_bytes", "gauge", "state",
     "Memory of the machine: total, available"},
    {"assay_slots", "gauge", "state", "Its slots: total, and busy ones"},
    {"assay_trial_cpu_seconds_total", "counter", "",
     "Processor time of trials and their children"},
    {"assay_trial_processes", "gauge", "",
     "Processes of trials and of trainers that stand by"},
    {"assay_trial_resident_memory_bytes", "gauge", "",
     "Memory that these occupy"},
    {"assay_worker_connected", "gauge", "",
     "1 while the coordinator answers, else 0"},
    {"assay_worker_connections_total", "counter", "",
     "Streams that the coordinator has welcomed: the first, then reconnects"},
    {"assay_worker_draining", "gauge", "",
     "1 if it takes no new trials, else 0"},
    {"assay_worker_info", "gauge", "worker", "1, for the worker's name"},
    {"assay_worker_spool_bytes", "gauge", "",
     "What waits to be acknowledged by the coordinator"},
    {"process_cpu_seconds_total", "counter", "",
     "Processor time that the process has used"},
    {"process_max_fds", "gauge", "", "Descriptors that it may have open"},
    {"process_open_fds", "gauge", "", "Descriptors that it has open"},
    {"process_resident_memory_bytes", "gauge", "", "Memory that it occupies"},
    {"process_start_time_seconds", "gauge", "",
     "When the process started, in seconds since 1970"},
};

// By AttemptEnd::Kind, from 1; the last is no kind.
constexpr std::array<const char*, 7> kOutcomes = {
    "completed",  "stopped",     "failed", "failed",
    "infeasible", "handed_back", "lost"};

// A series that is there while its value is known.
class OptionalGauge {
 public:
  OptionalGauge(Family<Gauge>& family, const std::string& gpu)
      : family_(family), labels_({{"gpu", gpu}}) {}

  void Set(std::optional<double> value) {
    if (value && gauge_ == nullptr) gauge_ = &family_.Add(labels_);
    if (value) return gauge_->Set(*value);
    if (gauge_ != nullptr) family_.Remove(gauge_);
    gauge_ = nullptr;
  }

 private:
  Family<Gauge>& family_;
  const prometheus::Labels labels_;
  Gauge* gauge_ = nullptr;
};

struct GpuSeries {
  Gauge& busy;
  OptionalGauge utilization;
  OptionalGauge memory_used;
  OptionalGauge power;
  OptionalGauge temperature;
};

}  // namespace

struct WorkerMetrics::Series {
  MetricFamilies families{kMetrics};
  ProcessMetrics process;

  std::array<Counter*, kOutcomes.size()> outcomes = {};
  Gauge& connected = families.Gauge("assay_worker_connected");
  Counter& connections = families.Counter("assay_worker_connections_total");
  Gauge& draining = families.Gauge("assay_worker_draining");
  Gauge& spool = families.Gauge("assay_worker_spool_bytes");
  Family<Gauge>& slots = families.Gauges("assay_slots");
  Gauge& slots_total = slots.Add({{"state", "total"}});
  Gauge& slots_busy = slots.Add({{"state", "busy"}});

  Family<Counter>& cpu = families.Counters("assay_machine_cpu_seconds_total");
  Counter& cpu_busy = cpu.Add({{"mode", "busy"}});
  Counter& cpu_idle = cpu.Add({{"mode", "idle"}});
  Family<Gauge>& memory = families.Gauges("assay_machine_memory_bytes");
  Gauge& memory_total = memory.Add({{"state", "total"}});
  Gauge& memory_available = memory.Add({{"state", "available"}});
  Gauge& trial_processes = families.Gauge("assay_trial_processes");
  Gauge& trial_memory = families.Gauge("assay_trial_resident_memory_bytes");
  Counter& trial_cpu = families.Counter("assay_trial_cpu_seconds_total");

  Family<Gauge>& gpu_info = families.Gauges("assay_gpu_info");
  Family<Gauge>& gpu_busy = families.Gauges("assay_gpu_busy");
  Family<Gauge>& gpu_memory = families.Gauges("assay_gpu_memory_bytes");
  Family<Gauge>& gpu_memory_used =
      families.Gauges("assay_gpu_memory_used_bytes");
  Family<Gauge>& gpu_power = families.Gauges("assay_gpu_power_watts");
  Family<Gauge>& gpu_temperature =
      families.Gauges("assay_gpu_temperature_celsius");
  Family<Gauge>& gpu_utilization =
      families.Gauges("assay_gpu_utilization_ratio");

  Mutex gpus_mutex;
  std::map<int, GpuSeries> gpus ABSL_GUARDED_BY(gpus_mutex);  // By index.

  explicit Series(absl::Time started) : process(families, started) {}

  void Add(const GpuDevice& gpu) ABSL_EXCLUSIVE_LOCKS_REQUIRED(gpus_mutex) {
    const std::string index = std::to_string(gpu.index);
    gpu_info.Add({{"gpu", index}, {"uuid", gpu.uuid}, {"name", gpu.name}})
        .Set(1);
    gpu_memory.Add({{"gpu", index}}).Set(static_cast<double>(gpu.memory_bytes));
    gpus.emplace(gpu.index, GpuSeries{gpu_busy.Add({{"gpu", index}}),
                                      {gpu_utilization, index},
                                      {gpu_memory_used, index},
                                      {gpu_power, index},
                                      {gpu_temperature, index}});
  }
};

WorkerMetrics::WorkerMetrics(const std::string& worker,
                             const std::vector<GpuDevice>& gpus,
                             absl::Time started)
    : series_(std::make_unique<Series>(started)) {
  MetricFamilies& families = series_->families;
  families.Gauges("assay_build_info").Add({{"version", ASSAY_VERSION}}).Set(1);
  families.Gauges("assay_worker_info").Add({{"worker", worker}}).Set(1);
  Family<Counter>& attempts = families.Counters("assay_attempts_total");
  for (size_t i = 0; i < kOutcomes.size(); ++i) {
    series_->outcomes[i] = &attempts.Add({{"outcome", kOutcomes[i]}});
  }
  MutexLock lock(series_->gpus_mutex);
  for (const GpuDevice& gpu : gpus) series_->Add(gpu);
}

WorkerMetrics::~WorkerMetrics() = default;

absl::Span<const MetricInfo> WorkerMetrics::List() { return kMetrics; }

std::string WorkerMetrics::Serialize() const {
  series_->process.Measure();
  return series_->families.Serialize();
}

void WorkerMetrics::SetSlots(int total, int busy) {
  series_->slots_total.Set(total);
  series_->slots_busy.Set(busy);
}

void WorkerMetrics::SetBusyGpus(const std::vector<int>& busy) {
  MutexLock lock(series_->gpus_mutex);
  for (auto& [index, gpu] : series_->gpus) {
    const bool has = std::find(busy.begin(), busy.end(), index) != busy.end();
    gpu.busy.Set(has ? 1 : 0);
  }
}

void WorkerMetrics::CountEnd(AttemptEnd::Kind kind) {
  series_->outcomes[static_cast<size_t>(kind) - 1]->Increment();
}

void WorkerMetrics::CountLost() { series_->outcomes.back()->Increment(); }

void WorkerMetrics::SetLink(bool connected, int64_t streams,
                            int64_t spool_bytes) {
  series_->connected.Set(connected ? 1 : 0);
  RaiseTo(series_->connections, static_cast<double>(streams));
  series_->spool.Set(static_cast<double>(spool_bytes));
}

void WorkerMetrics::SetDraining(bool draining) {
  series_->draining.Set(draining ? 1 : 0);
}

void WorkerMetrics::SetMachine(const MachineUsage& usage) {
  RaiseTo(series_->cpu_busy, usage.busy_seconds);
  RaiseTo(series_->cpu_idle, usage.idle_seconds);
  series_->memory_total.Set(usage.memory_bytes);
  series_->memory_available.Set(usage.available_bytes);
}

void WorkerMetrics::SetTrialProcesses(const ProcessUsage& usage,
                                      double cpu_seconds) {
  series_->trial_processes.Set(static_cast<double>(usage.processes));
  series_->trial_memory.Set(usage.resident_bytes);
  RaiseTo(series_->trial_cpu, cpu_seconds);
}

void WorkerMetrics::SetGpu(int index, const GpuReading& reading) {
  MutexLock lock(series_->gpus_mutex);
  const auto found = series_->gpus.find(index);
  if (found == series_->gpus.end()) return;
  GpuSeries& gpu = found->second;
  gpu.utilization.Set(reading.utilization);
  gpu.memory_used.Set(reading.memory_used_bytes);
  gpu.power.Set(reading.power_watts);
  gpu.temperature.Set(reading.temperature_celsius);
}

}  // namespace assay
