#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/http/http_server.h"
#include "worker/event_loop.h"
#include "worker/gpu_inventory.h"
#include "worker/metrics.h"
#include "worker/nvml.h"
#include "worker/state_folder.h"

namespace assay {

// The worker's HTTP port. /metrics looks at the machine, its GPUs and the
// trials' processes when it is asked, on a thread of its own: a driver that
// hangs stops neither trials nor the loop. /healthz answers from the loop: a
// worker whose loop hangs does not answer. That the coordinator is away makes
// no worker ill: its trials go on, and a supervisor that restarts it would end
// them.
class Monitor {
 public:
  struct Parts {  // All must outlive the monitor.
    EventLoop& loop;
    const StateFolder& state;
    WorkerMetrics& metrics;
    // Brings `metrics` up to date about the coordinator. Of any thread.
    std::function<void()> measure_link;
    std::vector<GpuDevice> gpus;
  };
  // Errors as HttpServer::Start().
  static absl::StatusOr<std::unique_ptr<Monitor>> Start(HttpOptions options,
                                                        Parts parts);
  ~Monitor();

  uint16_t port() const { return http_->port(); }

 private:
  explicit Monitor(Parts parts);

  std::string Scrape();
  void MeasureTrials();
  void AnswerFromLoop(HttpReply reply);

  const Parts parts_;
  std::optional<Nvml> nvml_;  // If there are GPUs.
  std::unique_ptr<HttpServer> http_;
};

}  // namespace assay
