#pragma once

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "search/search_space.h"

namespace assay::convert {

// `parameters` and `constraints`, as SearchSpace::Create() checks them.
absl::StatusOr<SearchSpace> ToSearchSpace(const v1::StudySpec& message);

}  // namespace assay::convert
