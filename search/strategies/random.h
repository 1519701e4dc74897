#pragma once

#include <memory>

#include "search/search_space.h"
#include "search/search_strategy.h"

namespace assay {

// Independent draws, each parameter even over its scale; the last unused
// configurations of a small space in random order.
std::unique_ptr<SearchStrategy> MakeRandom(
    std::shared_ptr<const SearchSpace> space, uint64_t seed);

}  // namespace assay
