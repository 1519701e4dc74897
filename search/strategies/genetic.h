#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// A genetic algorithm: the last 50 results and the best of all (an elite of
// one) are the population; a proposal is a mutated child of two winners of
// binary tournaments. For one objective.
std::unique_ptr<SearchStrategy> MakeGenetic(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
