#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"

namespace assay {

// Prints the best trials, or the Pareto front of a study with several
// objectives, and where to look further. NotFound if no trial has a value yet.
absl::Status PrintBest(Context& context, const Connection& connection,
                       const std::string& study, int count);

}  // namespace assay
