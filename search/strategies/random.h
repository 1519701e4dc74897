#pragma once

#include <memory>

#include "search/search_space.h"
#include "search/search_strategy.h"

namespace assay {

// Independent draws, each parameter by its prior, even over its scale without
// one; the last unused configurations of a small space in random order.
std::unique_ptr<SearchStrategy> MakeRandom(
    std::shared_ptr<const SearchSpace> space, uint64_t seed);

}  // namespace assay
