#pragma once

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "search/study.h"

namespace assay::convert {

// How workers run the trials of a study.
absl::StatusOr<TrialSpec> ToTrialSpec(const v1::TrialTemplate& message);

}  // namespace assay::convert
