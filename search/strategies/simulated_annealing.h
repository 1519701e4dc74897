#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Simulated annealing (Kirkpatrick et al. 1983): proposes neighbours of the
// current point, which differ in one parameter and each other with a chance of
// one in their number, by at most the temperature's share of the range; moves
// there if the result is better, else with a chance of exp(-loss /
// temperature). The temperature starts where the median of the last 20 losses,
// whatever their scale, is accepted with a chance of 0.8; it falls by 5 % with
// each result; below 1 % of the first it goes on at 21 % from the best point.
// For one objective.
std::unique_ptr<SearchStrategy> MakeSimulatedAnnealing(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
