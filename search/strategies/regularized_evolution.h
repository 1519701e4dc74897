#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Regularized evolution (Real et al. 2019): the last 100 results are the
// population, so that each dies of age and not of rank; a proposal is the best
// of 10 drawn from them with one parameter changed. For one objective.
std::unique_ptr<SearchStrategy> MakeRegularizedEvolution(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
