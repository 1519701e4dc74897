#pragma once

#include <cstdint>

#include <Eigen/Core>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace assay {

// How much of a function's variance over the unit cube each of its inputs makes
// (Sobol 1993): the first-order index of input i is the share that its value
// alone explains, Var(E[f | x_i]) / Var(f); the total index what stays unknown
// once all others are known, E[Var(f | x_-i)] / Var(f), interactions included.
struct SobolIndices {
  // [inputs, functions]. Estimates: a small index may come out below 0. NaN for
  // a function that is constant.
  Eigen::MatrixXd first_order, total;
};

// Several functions at once: from points, [m, inputs], each in (0, 1), to
// values, [m, functions].
using BatchFunction =
    absl::FunctionRef<Eigen::MatrixXd(const Eigen::MatrixXd&)>;

// Asked now and then; false: stop.
using KeepGoing = absl::FunctionRef<bool()>;

// From points * (inputs + 2) evaluations: the estimator of Saltelli et al. 2010
// (table 2 b) for the first order, of Jansen 1999 for the total, on a Sobol
// sequence of 2 * inputs dimensions scrambled by `seed`. Its error falls faster
// than 1 / sqrt(points); take a power of two. Cancelled once `keep_going` says
// no.
absl::StatusOr<SobolIndices> EstimateSobolIndices(int inputs, int points,
                                                  uint64_t seed,
                                                  BatchFunction function,
                                                  KeepGoing keep_going);

}  // namespace assay
