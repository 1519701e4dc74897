#pragma once

#include "search/math/random.h"

namespace assay {

// The standard normal distribution function.
double GaussianCdf(double x);

// Its inverse, relative error below 1.2e-9 (Acklam's rational approximation).
// REQUIRES: 0 < p < 1.
double GaussianQuantile(double p);

// A draw from the standard normal distribution: one number of `random`.
double DrawGaussian(Random& random);

// A draw from the normal distribution around `mean` cut to [0, 1]: one number
// of `random`. REQUIRES: 0 <= mean <= 1, sigma > 0.
double DrawTruncatedGaussian(double mean, double sigma, Random& random);

}  // namespace assay
