#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Simulated annealing (Kirkpatrick et al. 1983): proposes neighbours of the
// current point, at most the temperature's share of the range away, and moves
// there if the result is better, else with a chance of exp(-loss /
// temperature). The temperature starts where a typical difference of the start
// points is accepted with a chance of 0.8, falls by 5 % with each result, and
// starts again from the best point once it is below 1 %. For one objective.
std::unique_ptr<SearchStrategy> MakeSimulatedAnnealing(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
