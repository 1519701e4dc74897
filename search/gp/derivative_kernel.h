#pragma once

#include <Eigen/Core>

#include "search/gp/kernel.h"

namespace assay {

// Covariances of directional derivatives d_v f = v . df/dx of a function with
// the covariance k (search/gp/kernel.h). With g = x - x' where a column is a
// number, w its weights, and k', k'' the derivatives of k by r^2:
//
//   p = sum w g v,  q = sum w g v',  s = sum w v v'      (over columns)
//   cov(d_v f(x), f(x'))      =  2 k' p
//   cov(d_v f(x), d_v' f(x')) = -2 k' s - 4 k'' p q
//   var(d_v f(x))             =  5/3 s^2 sum w v^2
//   k' = -(5/6) s^2 (1 + a) e^-a,  k'' = (25/12) s^2 e^-a
//
// Derivatives are rows: row i of `x` is where, row i of `v` in which direction,
// both [m, features.size()]; Features::EmbedDirection() makes a row of `v`, 0
// in Hamming and gap columns. All functions are pure.

// [m, n]: cov(d_i, f(row j of z)).
Eigen::MatrixXd DerivativeCross(const Kernel& kernel, const Kernel::Rows& x,
                                const Kernel::Rows& v, const Kernel::Rows& z);

// The same, with what its derivative by the columns of z needs: that of
// sum_i factors_i cov(d_i, f(z)) is
//   kernel.Gradient(x, z, factors o slope) + w o v^T (factors o turn).
struct DerivativeSlopes {
  Eigen::MatrixXd value;  // [m, n]
  Eigen::MatrixXd slope;  // [m, n], 2 k'' p
  Eigen::MatrixXd turn;   // [m, n], -2 k'
};
DerivativeSlopes DerivativeCrossSlopes(const Kernel& kernel,
                                       const Kernel::Rows& x,
                                       const Kernel::Rows& v,
                                       const Kernel::Rows& z);

// [m, m]: cov(d_i, d_j), both triangles.
Eigen::MatrixXd DerivativeCovariance(const Kernel& kernel,
                                     const Kernel::Rows& x,
                                     const Kernel::Rows& v);
// [m]: its diagonal.
Eigen::VectorXd DerivativeVariances(const Kernel& kernel,
                                    const Kernel::Rows& v);

// By log weight of each column, [features.size()]: the derivatives of sum_ij
// s_ij cov(d_i, f(row j of z)), and of sum_ij s_ij cov(d_i, d_j), s symmetric.
Eigen::VectorXd DerivativeCrossByLogWeights(const Kernel& kernel,
                                            const Kernel::Rows& x,
                                            const Kernel::Rows& v,
                                            const Kernel::Rows& z,
                                            const Eigen::MatrixXd& s);
Eigen::VectorXd DerivativeCovarianceByLogWeights(const Kernel& kernel,
                                                 const Kernel::Rows& x,
                                                 const Kernel::Rows& v,
                                                 const Eigen::MatrixXd& s);

}  // namespace assay
