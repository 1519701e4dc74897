#pragma once

#include <string>

#include "absl/status/status.h"
#include "assay/v1/study.pb.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"

namespace assay {

// Prints the best trials, or the Pareto front of a study with several
// objectives with its knee, and says so if none keeps the bounds. NotFound if
// no trial has a value yet, or none passes `where`.
absl::Status PrintBest(Context& context, const Connection& connection,
                       const v1::OptimalRequest& request);

// The same for the `count` best of a study.
absl::Status PrintBest(Context& context, const Connection& connection,
                       const std::string& study, int count);

}  // namespace assay
