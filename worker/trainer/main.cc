// assay-trainer: trains one trial, see README.md.

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "worker/trainer/device.h"
#include "worker/trainer/exit_code.h"
#include "worker/trainer/run_trial.h"
#include "worker/trainer/standby.h"
#include "worker/trainer/termination.h"

namespace assay {
namespace {

struct Flags {
  std::string file;
  std::string data_root = "/usr/share/datasets";
  bool check = false;
  bool standby = false;
};

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int ExitCode(const Done& done) {
  if (done.ok()) return kExitOk;
  std::cerr << "assay-trainer: " << done.error().message << std::endl;
  return done.error().kind == ErrorKind::kConfiguration ? kExitBadConfiguration
                                                        : kExitFailure;
}

Done RunOrder(const Flags& flags) {
  CatchTermination();
  TRAINER_RETURN_IF_ERROR(WarmUp());
  TRAINER_ASSIGN_OR_RETURN(const std::optional<Order> order,
                           AwaitOrder(STDIN_FILENO));
  if (!order.has_value()) return Success();
  if (!order->directory.empty() && chdir(order->directory.c_str()) != 0) {
    return Failure(order->directory + ": cannot be entered");
  }
  return RunTrial({.trial = order->trial,
                   .data_root = flags.data_root,
                   .socket = order->socket,
                   .resume = order->resume,
                   .checkpoint = order->checkpoint});
}

Done RunFile(const Flags& flags) {
  const Run run = {
      .trial = flags.file.empty() ? Environment("ASSAY_TRIAL") : flags.file,
      .data_root = flags.data_root,
      .socket = Environment("ASSAY_SOCKET"),
      .resume = Environment("ASSAY_RESUME"),
      .checkpoint = Environment("ASSAY_CHECKPOINT")};
  if (run.trial.empty()) {
    return Failure("no trial: name a file, or set ASSAY_TRIAL");
  }
  if (flags.check) return CheckTrial(run);
  CatchTermination();
  return RunTrial(run);
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Trains one trial with LibTorch and reports every epoch.");
  app.set_version_flag("--version", "assay-trainer " ASSAY_VERSION);
  auto* file = app.add_option(
      "file", flags.file,
      "The trial, or a configuration alone (JSON). Without it: the "
      "file that ASSAY_TRIAL names.");
  app.add_option("--data-root", flags.data_root,
                 "The folder in which data sets lie by name.")
      ->envname("ASSAY_DATA_ROOT")
      ->capture_default_str();
  auto* check = app.add_flag(
      "--check", flags.check,
      "Only say whether the file, its data and their combination are "
      "right.");
  auto* standby =
      app.add_flag("--standby", flags.standby,
                   "Load everything, then read one order from stdin: "
                   R"({"trial": FILE, "socket": PATH, "directory": PATH}.)");
  standby->excludes(file)->excludes(check);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitFailure;
  }
  return ExitCode(flags.standby ? RunOrder(flags) : RunFile(flags));
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) {
  try {
    return assay::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "assay-trainer: " << error.what() << std::endl;
    return assay::kExitFailure;
  }
}
