#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// CMA-ES for the numbers and CatCMA for the categorical parameters of a space,
// see MixedDistribution, around the best start point with deviation 1/6 of each
// range. Good for many cheap trials: its strength shows after 100 trials for
// each parameter.
//
// Asynchronous: any number of trials are drawn from the newest distribution,
// and it moves on when a population of 4 + floor(3 ln parameters) of them has
// ended, whichever they are. A result that is stopped, failed or beyond a bound
// ranks below those that are not. A trial of a user that is better than all of
// a population takes the place of its worst. When it stagnates it starts again
// elsewhere with a population twice as large (IPOP, Auger & Hansen 2005).
//
// Candidate::ordinal is the generation. REQUIRES: one objective.
std::unique_ptr<SearchStrategy> MakeCmaEs(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
