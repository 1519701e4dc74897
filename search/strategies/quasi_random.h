#pragma once

#include <cstdint>
#include <memory>

#include "search/search_space.h"
#include "search/search_strategy.h"

namespace assay {

// A scrambled Sobol sequence: random points that keep away from each other, so
// that any number of them covers the space evenly, by their priors the
// parameters that have one. The last unused configurations of a small space in
// random order.
std::unique_ptr<SearchStrategy> MakeQuasiRandom(
    std::shared_ptr<const SearchSpace> space, uint64_t seed);

}  // namespace assay
