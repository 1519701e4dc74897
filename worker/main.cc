#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"
#include "worker/config.h"
#include "worker/descriptor.h"
#include "worker/event_loop.h"
#include "worker/gpu_inventory.h"
#include "worker/spawner.h"
#include "worker/worker.h"

namespace assay {
namespace {

constexpr int kBadConfiguration = 78;

// Before any thread starts, so that all of them leave the signals to the loop.
Descriptor BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return Descriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::vector<GpuDevice> GpusOfThisWorker() {
  const std::vector<GpuDevice> all = FindGpus();
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return visible == nullptr ? all : VisibleGpus(all, visible);
}

int Fail(const absl::Status& status) {
  std::cerr << "assay-worker: " << status.message() << "\n";
  return kBadConfiguration;
}

int Main(int argc, char** argv) {
  absl::StatusOr<std::optional<WorkerConfig>> config = ReadConfig(argc, argv);
  if (!config.ok()) return Fail(config.status());
  if (!config->has_value()) return 0;
  spdlog::set_default_logger(spdlog::stderr_color_mt("assay-worker"));
  if ((*config)->verbose) spdlog::set_level(spdlog::level::debug);

  const Descriptor signals = BlockSignals();
  EventLoop loop;
  Spawner spawner;
  auto worker =
      Worker::Create(**std::move(config), GpusOfThisWorker(), loop, spawner);
  if (!worker.ok()) return Fail(worker.status());
  loop.Watch(signals.get(), EPOLLIN, [&](uint32_t) {
    signalfd_siginfo info;
    if (read(signals.get(), &info, sizeof(info)) > 0) (*worker)->Drain();
  });
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) { return assay::Main(argc, argv); }
