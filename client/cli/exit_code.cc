#include "client/cli/exit_code.h"

namespace assay {

const char kExitCodeHelp[] =
    "Exit codes: 0 done, 1 refused or failed, 2 wrong command line or study "
    "file,\n  3 the trial should stop (report), 4 not found, 5 no server "
    "answers,\n  6 the state forbids it or the name is taken, 130 interrupted.";

ExitCode ToExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return kExitConflict;
    case absl::StatusCode::kCancelled:
      return kExitInterrupted;
    default:
      return kExitError;
  }
}

}  // namespace assay
