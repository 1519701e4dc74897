#pragma once

#include "search/math/random.h"

// The standard normal distribution: phi its density, Phi its integral. All are
// good to 2e-13, relative to the result, over the whole range of a double, both
// tails included.

namespace assay {

double NormalDensity(double z);
double NormalCdf(double z);

// log Phi(z), finite for all finite |z| < 1e150, and its derivative phi / Phi.
double LogNormalCdf(double z);
double LogNormalCdfSlope(double z);

// Phi^-1(p). -infinity at 0, infinity at 1. REQUIRES: 0 <= p <= 1.
double NormalQuantile(double p);

// exp(x^2) erfc(x), which C++ lacks: about 1 / (x sqrt(pi)) for large x.
double Erfcx(double x);

// h(z) = phi(z) + z Phi(z): the expected improvement of a normal variable of
// mean z and deviation 1 over 0. log h(z) and its derivative Phi / h, by a
// continued fraction where h itself would cancel or underflow.
double ImprovementDensity(double z);
double LogImprovement(double z);
double LogImprovementSlope(double z);

// A draw: the quantile of one uniform number.
double DrawNormal(Random& random);

// A draw from the normal distribution around `mean` cut to [0, 1]: one number
// of `random`. REQUIRES: 0 <= mean <= 1, sigma > 0.
double DrawTruncatedNormal(double mean, double sigma, Random& random);

}  // namespace assay
