#pragma once

#include "search/math/random.h"

namespace assay {

// Simulated binary crossover of two numbers in [0, 1], which bound the child
// (Deb & Agrawal 1995, bounds as in Deb's NSGA-II): one of the two children,
// each with a chance of 1/2. A larger `eta` keeps it closer to its parents; the
// mean of both children is the mean of the parents where the bounds are far.
double SimulatedBinaryCrossover(double a, double b, double eta, Random& random);

// Polynomial mutation of a number in [0, 1], which bound the result (Deb &
// Goyal 1996, bounds as in Deb's NSGA-II). Far from the bounds the step has
// density (eta + 1) / 2 (1 - |step|)^eta.
double PolynomialMutation(double u, double eta, Random& random);

// `u` folded back into [0, 1] at the ends: -0.2 is 0.2, 1.1 is 0.9.
double Reflect(double u);

}  // namespace assay
