#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"

namespace assay {

// Shows the study live until it is over, or `interrupted` says so (looked at a
// few times a second): a picture on a terminal, else a line for each trial that
// ends; with --output json a line of JSON for each. Reconnects by itself. OK,
// or kExitInterrupted.
absl::StatusOr<ExitCode> WatchStudy(Context& context,
                                    const Connection& connection,
                                    const std::string& study,
                                    const std::function<bool()>& interrupted);

}  // namespace assay
