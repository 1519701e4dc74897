#include "worker/monitor.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "search/base/status_macros.h"
#include "server/http/monitoring_routes.h"
#include "worker/machine_usage.h"

namespace assay {

absl::StatusOr<std::unique_ptr<Monitor>> Monitor::Start(HttpOptions options,
                                                        Parts parts) {
  std::unique_ptr<Monitor> monitor(new Monitor(std::move(parts)));
  std::vector<HttpRoute> routes;
  routes.push_back(MetricsRoute([it = monitor.get()] { return it->Scrape(); }));
  routes.push_back(HealthRoute(
      HttpHandler([it = monitor.get()](const HttpRequest&, HttpReply reply) {
        it->AnswerFromLoop(std::move(reply));
      })));
  ASSAY_ASSIGN_OR_RETURN(
      monitor->http_, HttpServer::Start(std::move(options), std::move(routes)));
  return monitor;
}

Monitor::Monitor(Parts parts) : parts_(std::move(parts)) {
  if (!parts_.gpus.empty()) nvml_.emplace();
}

Monitor::~Monitor() {
  if (http_) http_->Stop(absl::ZeroDuration());
}

std::string Monitor::Scrape() {
  parts_.measure_link();
  if (const auto machine = ReadMachineUsage(); machine.ok()) {
    parts_.metrics.SetMachine(*machine);
  }
  MeasureTrials();
  for (const GpuDevice& gpu : parts_.gpus) {
    parts_.metrics.SetGpu(gpu.index, nvml_->Read(gpu.index));
  }
  return parts_.metrics.Serialize();
}

// The ended first: what ends in between is missed once, not counted twice.
void Monitor::MeasureTrials() {
  const double ended = CpuSecondsOfEndedChildren();
  const std::vector<pid_t> groups = parts_.state.Groups();
  const ProcessUsage usage = ReadUsageOf({groups.begin(), groups.end()});
  parts_.metrics.SetTrialProcesses(usage, ended + usage.cpu_seconds);
}

void Monitor::AnswerFromLoop(HttpReply reply) {
  parts_.loop.Post([reply = std::make_shared<HttpReply>(std::move(reply))] {
    reply->Send(TextResponse(200, "ok"));
  });
}

}  // namespace assay
