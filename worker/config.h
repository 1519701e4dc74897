#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace assay {

// A command that the worker's operator allows studies to name.
struct RunnerConfig {
  std::vector<std::string> argv;  // "{parameter}" is replaced.
  std::map<std::string, std::string> environment;
  std::string directory;  // Empty: the trial's scratch folder.
};

// What SIGTERM does with trials that run.
enum class DrainMode { kFinish, kHandBack };

struct WorkerConfig {
  std::string server = "127.0.0.1:7070";  // host:port or unix:/path.
  std::string name;                       // Default: the host's.
  int slots = 0;                          // 0: GPUs, else cores.
  std::map<std::string, RunnerConfig> runners;
  bool any_command = false;
  std::string data_root;
  std::string state_dir;
  std::string trainer;     // Path of assay-trainer.
  std::string own_folder;  // Where the worker's binary lies.
  DrainMode drain = DrainMode::kFinish;
  absl::Duration grace = absl::Seconds(10);
  absl::Duration self_stop = absl::InfiniteDuration();
  int64_t spool_bytes = int64_t{64} << 20;
  int64_t cache_bytes = int64_t{4} << 30;  // Of checkpoints seen before.
  // Shared with the coordinator; empty: checkpoints travel over the network.
  std::string checkpoint_folder;
  // So long an attempt's end waits for its last checkpoint to be taken.
  absl::Duration checkpoint_wait = absl::Minutes(10);
  int64_t scratch_limit = 0;  // Bytes of a trial's scratch folder; 0: none.
  std::string http = "none";  // "HOST:PORT", or "none".
  std::vector<std::string> http_names;  // See HttpOptions::names.
  bool insecure = false;                // The network is trusted.
  bool verbose = false;
};

// The command line and the files and variables it leads to. InvalidArgument
// names the flag or key. Nothing if all was said (--help, --version): exit 0.
absl::StatusOr<std::optional<WorkerConfig>> ReadConfig(int argc,
                                                       const char* const* argv);

// The runners of a configuration file's text (TOML):
//   [runners.pytorch]
//   argv = ["python3", "train.py", "--lr", "{optimizer.learning_rate}"]
//   directory = "/srv/project"
//   environment = { PYTHONUNBUFFERED = "1" }
// InvalidArgument names the line or the key.
absl::StatusOr<std::map<std::string, RunnerConfig>> ParseRunners(
    const std::string& text);

}  // namespace assay
