#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "search/study.h"

namespace assay::convert {

// Those of a study: at least one objective, each name once.
absl::StatusOr<std::vector<MetricSpec>> ToMetricSpecs(
    const v1::StudySpec& message);

}  // namespace assay::convert
