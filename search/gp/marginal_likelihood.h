#pragma once

#include <Eigen/Core>

#include "search/gp/derivatives.h"
#include "search/gp/features.h"
#include "search/gp/hyperparameters.h"

namespace assay {

// log p(y | X, hyperparameters) and its gradient, for an optimizer: keeps its
// workspace of 3 n^2 numbers between evaluations. O(n^3) each.
class MarginalLikelihood {
 public:
  // `x` is [n, features.size()], `y` and `noise_multipliers` are [n]; an empty
  // `noise_multipliers` means 1. All must outlive this. n > 0.
  MarginalLikelihood(const Features& features, const Eigen::MatrixXd& x,
                     const Eigen::VectorXd& y,
                     const Eigen::VectorXd& noise_multipliers);

  // Adds this, [n, n], to each covariance: of what else the targets share.
  // Must outlive this.
  void AddCovariance(const Eigen::MatrixXd& covariance) {
    covariance_ = &covariance;
  }

  // Adds these observations, which must outlive this: n + m rows instead of n.
  // Not together with AddCovariance().
  void AddDerivatives(const Derivatives& derivatives);

  struct Value {
    double value = 0;          // -infinity if K cannot be factorized.
    Eigen::VectorXd gradient;  // By Hyperparameters::ToLog(), same order.
  };
  // REQUIRES: with derivatives, a derivative_noise.
  Value Evaluate(const Hyperparameters& hyperparameters);

 private:
  Value EvaluateWithDerivatives(const Hyperparameters& hyperparameters);

  const Features& features_;
  const Eigen::MatrixXd& x_;
  const Eigen::VectorXd& y_;
  const Eigen::VectorXd multipliers_;
  const Eigen::MatrixXd* covariance_ = nullptr;
  const Derivatives* derivatives_ = nullptr;
  Eigen::MatrixXd derivative_x_;
  Eigen::MatrixXd kernel_, slope_, matrix_;
};

}  // namespace assay
