#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/http/metric_info.h"
#include "worker/attempt_end.h"
#include "worker/gpu_inventory.h"
#include "worker/machine_usage.h"
#include "worker/nvml.h"

namespace assay {

// What a worker shows Prometheus. Thread-safe. The number of series is bounded
// by the machine's GPUs: none is of a study or a trial.
class WorkerMetrics {
 public:
  // `worker`: its name. `gpus`: those it has slots for. `started`: of the
  // process.
  WorkerMetrics(const std::string& worker, const std::vector<GpuDevice>& gpus,
                absl::Time started);
  ~WorkerMetrics();

  WorkerMetrics(const WorkerMetrics&) = delete;
  WorkerMetrics& operator=(const WorkerMetrics&) = delete;

  // Every metric there is, by name. deploy/prometheus/README.md shows the same.
  static absl::Span<const MetricInfo> List();

  std::string Serialize() const;

  // Slots and attempts.
  void SetSlots(int total, int busy);
  // `busy`: those whose slots have a trial, by GpuDevice::index.
  void SetBusyGpus(const std::vector<int>& busy);
  void CountEnd(AttemptEnd::Kind kind);
  void CountLost();

  // The coordinator. `streams`: opened and welcomed since the start.
  void SetLink(bool connected, int64_t streams, int64_t spool_bytes);
  void SetDraining(bool draining);

  // The machine.
  void SetMachine(const MachineUsage& usage);
  // `cpu_seconds`: of all trials so far.
  void SetTrialProcesses(const ProcessUsage& usage, double cpu_seconds);
  // What a GPU does not tell has no series.
  void SetGpu(int index, const GpuReading& reading);

 private:
  struct Series;  // Keeps prometheus-cpp's headers out of here.
  std::unique_ptr<Series> series_;
};

}  // namespace assay
