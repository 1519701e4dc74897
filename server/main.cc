#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstring>
#include <iostream>

#include "server/config.h"
#include "server/server.h"

namespace {

constexpr int kBadConfiguration = 78;  // EX_CONFIG of sysexits.h.

void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Complain(const absl::Status& status) {
  std::cerr << "assay-server: " << std::string(status.message()) << "\n";
  const bool is_ours =
      absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status);
  return is_ours ? kBadConfiguration : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto config = assay::ParseServerConfig(argc, argv);
  if (!config.ok()) return Complain(config.status());
  if (!config->has_value()) return 0;
  spdlog::set_default_logger(spdlog::stderr_color_mt("assay-server"));
  spdlog::set_level(spdlog::level::from_str((*config)->log_level));
  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);

  // Handlers and no blocked signals: OpenBLAS starts threads before main, and
  // one of those would take what only the others block, and end the process.
  boost::asio::io_context until_stopped;
  boost::asio::signal_set stop(until_stopped, SIGINT, SIGTERM);

  const auto server = assay::Server::Start(**config);
  if (!server.ok()) return Complain(server.status());
  spdlog::info("gRPC on {}, HTTP on {}", (*server)->grpc_address(),
               (*config)->http == "none" ? "none" : (*server)->http_address());
  stop.async_wait([](const boost::system::error_code&, int signal) {
    spdlog::info("{}: stopping", strsignal(signal));
  });
  until_stopped.run();
  (*server)->Stop();
  spdlog::info("stopped");
  return 0;
}
