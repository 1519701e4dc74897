#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace assay {

// What assay-server is told on its command line.
struct ServerConfig {
  std::string grpc = "127.0.0.1:7070";  // "HOST:PORT" or "unix:PATH".
  std::string http = "127.0.0.1:7071";  // "HOST:PORT", or "none".
  std::vector<std::string> http_names;  // See HttpOptions::names.
  std::string data_dir = "assay-data";
  bool memory = false;    // Keep nothing: for trials of the program itself.
  bool insecure = false;  // The network is trusted.
  double worker_lease_seconds = 60;
  int search_threads = 2;
  int64_t min_free_bytes = int64_t{512} << 20;  // Below it, no new leases.
  // Of a study that says nothing itself.
  int64_t checkpoint_bytes = int64_t{10} << 30;
  double checkpoint_grace_seconds = 600;
  std::string checkpoint_folder;  // Empty: in data_dir.
  std::string log_level = "info";
};

// What the command line says; nullopt if it only wanted to be told something
// (--help, --version), which was printed. InvalidArgument, naming the flag.
absl::StatusOr<std::optional<ServerConfig>> ParseServerConfig(
    int argc, const char* const* argv);

}  // namespace assay
