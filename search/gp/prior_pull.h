#pragma once

#include "absl/types/span.h"
#include "search/space_prior.h"

namespace assay {

// What a user's priors pi add to the logarithm of an acquisition function
// (piBO, Hvarfner et al. 2022, eq. 6): weight log pi(x).
struct PriorPull {
  const SpacePrior& prior;
  double weight = 0;
};

// The weight after n results, given log pi of each, the best result first:
//
//   2 / n clamp(1 + 2 z, 0, 1),   z = r sqrt(n - 1)
//
// r is the correlation of log pi with the rank of the result. z is about
// standard normal where the priors have nothing to do with the results; one
// below -1/2 says that they mislead, and they are silent. piBO alone, with the
// weight 10 / n, forgets a wrong prior too slowly: regrets of the benchmark's
// suite `priors` after 50 trials were three times those without one. 0 if n is
// 0.
double PriorWeight(absl::Span<const double> log_priors);

}  // namespace assay
