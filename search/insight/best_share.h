#pragma once

#include <Eigen/Core>

namespace assay {

// Which parameters matter among the best: over the points whose value is within
// the best `share` of all (ties with the last of them included), the share of
// the values' variance that the mean given one parameter explains,
//
//   Var(E[f | x_i, f is best]) / Var(f | f is best)
//
// that is, first-order importance inside the region of good points, where the
// parameters are not independent any more: shares need not add up to 1 or less.
// (The question is that of PED-ANOVA, Watanabe et al. 2023, local importance;
// the answer is a share of variance, as in functional ANOVA, Hutter et al.
// 2014, not a divergence of densities.)
//
// Estimated by a one-way analysis of variance: groups are the values of a
// parameter with up to 16 of them among the best, else 16 groups of about equal
// size in rising order; where it is inactive is a group of its own. Epsilon
// squared (Kelley 1935) takes off what chance alone would explain:
// (SS_between - (groups - 1) MS_within) / SS_total, at least 0.
//
// `points` is [m, parameters], NaN where inactive; `values` is [m], larger is
// better. [parameters]; NaN if all the best are equal. REQUIRES: m > 0.
Eigen::VectorXd SharesWithinBest(const Eigen::MatrixXd& points,
                                 const Eigen::VectorXd& values, double share);

}  // namespace assay
