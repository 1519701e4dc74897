#include "server/config.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "server/http/listen_address.h"

namespace assay {
namespace {

// CLI::Range takes NaN for a number in any range.
std::string IsNumber(const std::string& text) {
  double number = 0;
  const bool is_nan = absl::SimpleAtod(text, &number) && std::isnan(number);
  return is_nan ? absl::StrCat(text, " is no number") : "";
}

}  // namespace

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
  app.add_option("--http-name", config.http_names,
                 "A name under which they reach this machine, besides its own "
                 "host name; may be repeated")
      ->type_name("HOST")
      ->allow_extra_args(false);
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
  ASSAY_RETURN_IF_ERROR(
      CheckListenAddress("--grpc", config.grpc, config.insecure));
  if (config.http != "none") {
    ASSAY_RETURN_IF_ERROR(
        CheckListenAddress("--http", config.http, config.insecure));
  }
  return config;
}

}  // namespace assay
