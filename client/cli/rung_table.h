#pragma once

#include "absl/status/status.h"
#include "assay/v1/study.pb.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"

namespace assay {

// Prints how many runs of a study with a schedule ended at each number of
// steps, how many run towards it, and the best there. Reads every trial of the
// study.
absl::Status PrintRungs(Context& context, const Connection& connection,
                        const v1::Study& study);

}  // namespace assay
