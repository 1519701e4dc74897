#include "server/config.h"

#include <arpa/inet.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127;
  }
  in6_addr v6;
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 &&
         IN6_IS_ADDR_LOOPBACK(&v6);
}

// CLI::Range takes NaN for a number in any range.
std::string IsNumber(const std::string& text) {
  double number = 0;
  const bool is_nan = absl::SimpleAtod(text, &number) && std::isnan(number);
  return is_nan ? absl::StrCat(text, " is no number") : "";
}

}  // namespace

absl::Status CheckAddress(const std::string& flag, const std::string& address,
                          bool insecure) {
  if (absl::StartsWith(address, "unix:")) return absl::OkStatus();
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, " \"", address, "\": HOST:PORT or unix:PATH is wanted"));
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (insecure || IsLoopback(host)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      flag, " ", address,
      ": other machines can reach this address, and the "
      "server would let anybody in. Give a loopback address, or --insecure if "
      "the whole network is trusted"));
}

absl::StatusOr<std::optional<ServerConfig>> ParseServerConfig(
    int argc, const char* const* argv) {
  ServerConfig config;
  CLI::App app("assay-server: the coordinator of hyperparameter studies");
  app.set_version_flag("--version", "assay-server " ASSAY_VERSION);
  app.add_option("--grpc", config.grpc, "Listen for clients and workers here")
      ->type_name("HOST:PORT|unix:PATH")
      ->capture_default_str();
  app.add_option("--http", config.http,
                 "Listen for Prometheus and browsers here, or none")
      ->type_name("HOST:PORT|none")
      ->capture_default_str();
  auto* data_dir =
      app.add_option("--data-dir", config.data_dir, "Keep everything in here")
          ->type_name("FOLDER")
          ->capture_default_str();
  app.add_flag("--memory", config.memory, "Keep nothing after the end")
      ->excludes(data_dir);
  app.add_flag("--insecure", config.insecure,
               "Listen on addresses that others can reach: without encryption, "
               "for everybody");
  app.add_option("--worker-lease", config.worker_lease_seconds,
                 "A worker that is silent this long has lost its trials")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.5, 86'400.0) & CLI::Validator(IsNumber, "", ""))
      ->capture_default_str();
  app.add_option("--search-threads", config.search_threads,
                 "Threads that search, at a low priority")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--min-free-bytes", config.min_free_bytes,
                 "With less free space in the data folder no trial is handed "
                 "out")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--checkpoint-bytes", config.checkpoint_bytes,
                 "What the checkpoints of a study may take, unless it says "
                 "otherwise")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--checkpoint-grace", config.checkpoint_grace_seconds,
                 "A checkpoint that nothing needed for so long is deleted")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.5, 31'536'000.0) & CLI::Validator(IsNumber, "", ""))
      ->capture_default_str();
  app.add_option("--checkpoint-folder", config.checkpoint_folder,
                 "Keep the chunks of checkpoints in here, which workers may "
                 "share by the same flag; default: in the data folder")
      ->type_name("FOLDER");
  app.add_option("--log-level", config.log_level, "What goes to stderr")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    app.exit(success);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  ASSAY_RETURN_IF_ERROR(CheckAddress("--grpc", config.grpc, config.insecure));
  if (config.http != "none") {
    ASSAY_RETURN_IF_ERROR(CheckAddress("--http", config.http, config.insecure));
  }
  return config;
}

}  // namespace assay
