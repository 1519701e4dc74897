#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Each configuration once, in mixed-radix order or, with `shuffle`, in a random
// one; a continuous parameter counts as `points_per_continuous` evenly spaced
// points of its scale, both ends included. InvalidArgument if that is below 1
// or gives more than 2^62 configurations. Priors are ignored.
absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeGrid(
    std::shared_ptr<const SearchSpace> space, const Algorithm& algorithm,
    uint64_t seed);

}  // namespace assay
