#include "worker/config.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "server/http/listen_address.h"
#include "toml++/toml.h"
#include "worker/read_file.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

std::string Variable(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::move(otherwise) : value;
}

std::string HostName() {
  std::array<char, 257> name = {};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string DefaultStateDir() {
  const std::string state = Variable("XDG_STATE_HOME", "");
  return state.empty() ? "assay-worker-state" : state + "/assay-worker";
}

std::string OwnFolder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

absl::Status Wrong(const std::string& key, const char* allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", key, "\" has to be ", allowed));
}

absl::StatusOr<std::vector<std::string>> ReadArgv(const std::string& key,
                                                  const toml::node& node) {
  std::vector<std::string> argv;
  const toml::array* array = node.as_array();
  if (array != nullptr) {
    for (const toml::node& element : *array) {
      const auto text = element.value_exact<std::string>();
      if (!text.has_value()) return Wrong(key, "a list of strings");
      argv.push_back(*text);
    }
  }
  if (argv.empty()) return Wrong(key, "a list of at least one string");
  return argv;
}

absl::StatusOr<std::map<std::string, std::string>> ReadEnvironment(
    const std::string& key, const toml::node& node) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return Wrong(key, "a table of strings");
  std::map<std::string, std::string> environment;
  for (const auto& [name, value] : *table) {
    const auto text = value.value_exact<std::string>();
    if (!text.has_value()) return Wrong(key, "a table of strings");
    environment[std::string(name.str())] = *text;
  }
  return environment;
}

absl::StatusOr<RunnerConfig> ReadRunner(const std::string& name,
                                        const toml::node& node) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return Wrong("runners." + name, "a table");
  RunnerConfig runner;
  for (const auto& [key, value] : *table) {
    const std::string path =
        absl::StrCat("runners.", name, ".", std::string(key.str()));
    if (key == "argv") {
      ASSAY_ASSIGN_OR_RETURN(runner.argv, ReadArgv(path, value));
    } else if (key == "environment") {
      ASSAY_ASSIGN_OR_RETURN(runner.environment, ReadEnvironment(path, value));
    } else if (key == "directory") {
      const auto text = value.value_exact<std::string>();
      if (!text.has_value()) return Wrong(path, "a string");
      runner.directory = *text;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown key \"", path,
                       "\"; argv, environment and directory are known"));
    }
  }
  if (runner.argv.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"runners.", name, "\" has no argv"));
  }
  return runner;
}

absl::Status ReadRunners(const std::string& path, WorkerConfig& config) {
  if (path.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config ", text.status().message()));
  }
  auto runners = ParseRunners(*text);
  if (!runners.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config ", path, ": ", runners.status().message()));
  }
  config.runners = *std::move(runners);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::map<std::string, RunnerConfig>> ParseRunners(
    const std::string& text) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", error.source().begin.line, ": ",
                     std::string(error.description())));
  }
  std::map<std::string, RunnerConfig> runners;
  for (const auto& [key, value] : root) {
    if (key != "runners" || !value.is_table()) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown key \"", std::string(key.str()),
                       "\"; only [runners.NAME] is known"));
    }
    for (const auto& [name, runner] : *value.as_table()) {
      const std::string runner_name(name.str());
      ASSAY_ASSIGN_OR_RETURN(runners[runner_name],
                             ReadRunner(runner_name, runner));
    }
  }
  return runners;
}

absl::StatusOr<std::optional<WorkerConfig>> ReadConfig(
    int argc, const char* const* argv) {
  WorkerConfig config;
  config.own_folder = OwnFolder();
  config.server = Variable("ASSAY_SERVER", config.server);
  config.name = HostName();
  config.state_dir = DefaultStateDir();
  config.trainer = config.own_folder + "/assay-trainer";
  std::string runners_file;
  double grace = 10;
  double self_stop = 0;
  double checkpoint_wait = absl::ToDoubleSeconds(config.checkpoint_wait);

  CLI::App app("Runs the trials of an Assay coordinator on this machine.",
               "assay-worker");
  app.set_version_flag("--version", "assay-worker " ASSAY_VERSION);
  app.option_defaults()->always_capture_default();
  app.add_option("--server", config.server,
                 "The coordinator: host:port or unix:/path (ASSAY_SERVER)");
  app.add_option("--name", config.name, "Unique among the workers")
      ->check([](const std::string& name) {
        return name.empty() || name.size() > 256 ? "1 to 256 bytes" : "";
      });
  app.add_option("--slots", config.slots,
                 "Trials at the same time; 0: one for each GPU, without GPUs "
                 "one for each core")
      ->check(CLI::Range(0, 1024));
  app.add_option("--config", runners_file, "TOML file of the runners");
  app.add_flag("--allow-any-command", config.any_command,
               "Run whatever command a study names");
  app.add_option("--data-root", config.data_root,
                 "Folder of the data sets, for the built-in trainer");
  app.add_option("--state-dir", config.state_dir,
                 "Scratch folders and output of trials");
  app.add_option("--trainer", config.trainer, "The built-in trainer's program");
  app.add_option("--drain", config.drain,
                 "What SIGTERM does with trials that run")
      ->transform(CLI::CheckedTransformer(std::map<std::string, DrainMode>{
          {"finish", DrainMode::kFinish}, {"hand-back", DrainMode::kHandBack}}))
      ->type_name("finish|hand-back")
      ->default_str("finish");
  app.add_option("--grace", grace,
                 "Seconds from a request to stop to SIGTERM, and from there to "
                 "SIGKILL")
      ->check(CLI::Range(0.0, 86400.0));
  app.add_option("--self-stop", self_stop,
                 "End after so many seconds without a coordinator; 0: never")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--spool-bytes", config.spool_bytes,
                 "Memory for what the coordinator has not taken yet")
      ->check(CLI::Range(int64_t{1} << 16, int64_t{1} << 40));
  app.add_option("--scratch-limit", config.scratch_limit,
                 "Bytes that a trial may have in its scratch folder; 0: any")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--cache-bytes", config.cache_bytes,
                 "Disk for checkpoints seen before, so that trials go on from "
                 "them without fetching; 0: none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--checkpoint-folder", config.checkpoint_folder,
                 "Folder that the coordinator shares by the same flag: "
                 "checkpoints are written and read there");
  app.add_option("--checkpoint-wait", checkpoint_wait,
                 "Seconds that the end of an attempt waits for its last "
                 "checkpoint to be taken by the coordinator")
      ->check(CLI::Range(0.0, 86400.0));
  app.add_option(
         "--http", config.http,
         "Listen for Prometheus here, or none: each worker of a machine "
         "needs a port of its own; 0 takes a free one")
      ->type_name("HOST:PORT|none");
  app.add_option("--http-name", config.http_names,
                 "A name under which Prometheus reaches this machine, besides "
                 "its own host name; may be repeated")
      ->type_name("HOST")
      ->allow_extra_args(false);
  app.add_flag("--insecure", config.insecure,
               "Listen on an address that others can reach: without "
               "encryption, for everybody");
  app.add_flag("--verbose", config.verbose, "Log more");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& said) {
    app.exit(said);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  config.grace = absl::Seconds(grace);
  config.checkpoint_wait = absl::Seconds(checkpoint_wait);
  if (self_stop > 0) config.self_stop = absl::Seconds(self_stop);
  if (!config.data_root.empty()) {
    config.data_root = fs::absolute(config.data_root).string();
  }
  if (config.http != "none") {
    ASSAY_RETURN_IF_ERROR(
        CheckListenAddress("--http", config.http, config.insecure));
  }
  ASSAY_RETURN_IF_ERROR(ReadRunners(runners_file, config));
  return config;
}

}  // namespace assay
