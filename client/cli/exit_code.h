#pragma once

#include "absl/status/status.h"

namespace assay {

// What the `assay` program ends with. Scripts rely on these numbers.
enum ExitCode : int {
  kExitOk = 0,
  kExitError = 1,        // Refused, or a study that failed.
  kExitUsage = 2,        // The command line or the study file is wrong.
  kExitShouldStop = 3,   // `assay report`: end the trial now.
  kExitNotFound = 4,     // No such study, trial or worker.
  kExitUnreachable = 5,  // No server answers.
  kExitConflict = 6,     // The state forbids it, or the name is taken.
  kExitInterrupted = 130,
};

// For what a command failed with.
ExitCode ToExitCode(const absl::Status& status);

// The table of exit codes, for --help.
extern const char kExitCodeHelp[];

}  // namespace assay
