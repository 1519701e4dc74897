#pragma once

#include "search/math/random.h"
#include "search/parameter.h"
#include "search/search_space.h"

namespace assay {

// Population-based training's change of a configuration (Jaderberg et al. 2017,
// "Population Based Training of Neural Networks", section 4). Each parameter,
// by a chance of `resample`, is drawn anew from its range, or a user's prior;
// else a number is multiplied by 1.2 or 0.8, each equally likely, and cut to
// its range; one whose range is not positive moves by a tenth of its range
// instead; one with steps moves by a step at least, a discrete one to its
// neighbour; a categorical one stays. What a change activates is drawn. Passes
// the constraints if one of 100 draws does.
Parameters Explore(const SearchSpace& space, const Parameters& parameters,
                   double resample, Random& random);

}  // namespace assay
