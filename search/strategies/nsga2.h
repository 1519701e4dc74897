#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// NSGA-II (Deb et al. 2002) for one objective or several, steady-state: each
// result joins a population of 50 and the last by front and crowding leaves;
// each proposal is a mutated child of two winners of binary tournaments. Bounds
// on metrics by Deb's rules (see evolution/fitness.h).
std::unique_ptr<SearchStrategy> MakeNsga2(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
