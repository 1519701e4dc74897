#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "search/gp/features.h"
#include "search/gp/hyperparameters.h"

namespace assay {

// Matern 5/2 with a lengthscale for each parameter:
//
//   k(x, x') = s^2 M(r^2),  M = (1 + a + a^2 / 3) e^-a,  a = sqrt(5) r,
//   r^2 = sum over columns c of weight_c D_c(x, x')      (search/gp/features.h)
//   dM/d(r^2) = -(5/6) (1 + a) e^-a
//
// weight_c is 1 / l_j^2 of the column's parameter, times h^2 for the second
// column of a number with a condition. Noise is not part of it. Rows are rows
// of Features; matrices of them are [n, features.size()].
class Kernel {
 public:
  using Rows = Eigen::Ref<const Eigen::MatrixXd, 0, Eigen::OuterStride<>>;

  Kernel(const Features& features, const Hyperparameters& hyperparameters);

  // k(x, x).
  double variance() const { return variance_; }
  // [features.size()].
  const Eigen::VectorXd& weights() const { return weights_; }
  bool IsHamming(int column) const { return hamming_[column] != 0; }

  // [n, m]: k(row i of a, row j of b).
  Eigen::MatrixXd Cross(const Rows& a, const Rows& b) const;

  struct Slopes {
    Eigen::MatrixXd value;  // k.
    Eigen::MatrixXd slope;  // dk / d(r^2), <= 0.
  };
  // Both, [n, m].
  Slopes CrossSlopes(const Rows& a, const Rows& b) const;

  // d k / d(r^2) and its derivative by r^2 again, both [n, m].
  struct Curvatures {
    Eigen::MatrixXd slope;
    Eigen::MatrixXd curvature;  // >= 0.
  };
  Curvatures CrossCurvatures(const Rows& a, const Rows& b) const;

  // k of all pairs of rows, [n, n]; only the lower triangle, with its diagonal,
  // is written. `value` and `slope` are resized to n if they are not already.
  void Lower(const Rows& a, Eigen::MatrixXd& value,
             Eigen::MatrixXd& slope) const;

  // d/dx sum_i factors_i k(row i of a, x) = sum_i s_i 2 weight (x - a_i), with
  // s_i = factors_i slope_i given: [features.size()], 0 in Hamming columns.
  Eigen::VectorXd Gradient(const Rows& a, const Eigen::VectorXd& x,
                           const Eigen::VectorXd& s) const;

  // For a symmetric matrix S, of which only what lies below the diagonal is
  // read: the sums over all i, j of S_ij weight_c D_c(row i, row j), by column.
  // With S = dL/dk * slope it is the derivative of L by log weight_c.
  Eigen::VectorXd ColumnSums(const Rows& a, const Eigen::MatrixXd& s) const;

 private:
  double variance_;
  Eigen::VectorXd weights_;
  std::vector<uint8_t> hamming_;  // By column: 1 if it is one.
};

// From derivatives by log weight of each column and by the logarithms of the
// signal and noise variance to those by Hyperparameters::ToLog().
Eigen::VectorXd LogHyperparameterGradient(const Features& features,
                                          const Eigen::VectorXd& by_log_weight,
                                          double by_log_signal,
                                          double by_log_noise);

}  // namespace assay
