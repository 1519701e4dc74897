#pragma once

#include <functional>

#include "worker/trainer/hypergradient/tensors.h"
#include "worker/trainer/result.h"

namespace assay {

// A symmetric matrix, as its products.
using SymmetricMatrix = std::function<Tensors(const Tensors&)>;

struct LinearSolution {
  Tensors x;
  double residual = 0;  // |A x - b| / |b|.
  int iterations = 0;
};

// Solves A x = b. Ends after `iterations` products or at a residual of
// `tolerance`. Fails if A turns out not to be positive definite, or if numbers
// are no longer finite: then there is no solution to speak of.
Result<LinearSolution> ConjugateGradient(const SymmetricMatrix& a,
                                         const Tensors& b, int iterations,
                                         double tolerance);

// The first terms of x = rate * sum_k (I - rate A)^k b (Lorraine, Vicol and
// Duvenaud 2020). Needs rate < 2 / (A's largest eigenvalue); fails if a term is
// larger than b, which says that it is not, or that A has negative eigenvalues.
Result<LinearSolution> NeumannSeries(const SymmetricMatrix& a, const Tensors& b,
                                     double rate, int terms, double tolerance);

}  // namespace assay
