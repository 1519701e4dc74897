#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"

namespace assay {

// Trains the best configuration of a study from its start, to its full budget,
// `count` times with other seeds, and measures each on the test part of the
// data: in a study of its own, NAME-best-NUMBER-xCOUNT, which is made if it is
// not there. Prints the mean and the deviation of each metric once they ended,
// else how far they are. NotFound if no trial has a value yet.
absl::Status Retrain(Context& context, const Connection& connection,
                     const std::string& study, int32_t count);

}  // namespace assay
