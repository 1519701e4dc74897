#include "search/gp/marginal_likelihood.h"

#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>

#include "search/gp/derivative_kernel.h"
#include "search/gp/kernel.h"
#include "search/gp/linalg.h"
#include "search/gp/matern.h"

namespace assay {
namespace {

Eigen::VectorXd OnesIfEmpty(const Eigen::VectorXd& multipliers,
                            Eigen::Index n) {
  return multipliers.size() > 0 ? multipliers : Eigen::VectorXd::Ones(n);
}

}  // namespace

MarginalLikelihood::MarginalLikelihood(const Features& features,
                                       const Eigen::MatrixXd& x,
                                       const Eigen::VectorXd& y,
                                       const Eigen::VectorXd& noise_multipliers)
    : features_(features),
      x_(x),
      y_(y),
      multipliers_(OnesIfEmpty(noise_multipliers, x.rows())) {}

void MarginalLikelihood::AddDerivatives(const Derivatives& derivatives) {
  derivatives_ = &derivatives;
  derivative_x_.resize(derivatives.size(), x_.cols());
  for (int i = 0; i < derivatives.size(); ++i) {
    derivative_x_.row(i) = x_.row(derivatives.rows[i]);
  }
}

// With W = K^-1 - alpha alpha^T, d log p / d theta = -1/2 tr(W dK / d theta)
// (Rasmussen & Williams 2006, eq. 5.9). Lower triangles throughout.
MarginalLikelihood::Value MarginalLikelihood::Evaluate(
    const Hyperparameters& hyperparameters) {
  if (derivatives_ != nullptr) return EvaluateWithDerivatives(hyperparameters);
  const Eigen::Index n = x_.rows();
  const Kernel kernel(features_, hyperparameters);
  kernel.Lower(x_, kernel_, slope_);
  matrix_ = kernel_;
  const Eigen::VectorXd noise = hyperparameters.noise_variance * multipliers_;
  matrix_.diagonal() += noise;
  if (covariance_ != nullptr) matrix_ += *covariance_;
  if (!FactorizeCholesky(matrix_)) {
    return {-std::numeric_limits<double>::infinity(),
            Eigen::VectorXd::Zero(Hyperparameters::Size(features_))};
  }
  Eigen::VectorXd alpha = y_;
  SolveLower(matrix_, alpha);
  const double value = -0.5 * alpha.squaredNorm() -
                       matrix_.diagonal().array().log().sum() -
                       0.5 * n * std::log(2 * std::numbers::pi);
  SolveLowerTransposed(matrix_, alpha);
  InvertFromCholesky(matrix_);

  // slope_ becomes W o dK / d(r^2), below the diagonal.
  double off_diagonal = 0;  // sum of W o k below the diagonal.
  for (Eigen::Index j = 0; j + 1 < n; ++j) {
    const Eigen::Index below = j * n + j + 1;
    off_diagonal +=
        MaternWeights(matrix_.data() + below, alpha.data() + j + 1, alpha[j],
                      kernel_.data() + below, slope_.data() + below,
                      static_cast<int>(n - j - 1), slope_.data() + below);
  }
  const Eigen::ArrayXd diagonal =
      matrix_.diagonal().array() - alpha.array().square();
  return {value, LogHyperparameterGradient(
                     features_, -0.5 * kernel.ColumnSums(x_, slope_),
                     -off_diagonal - 0.5 * kernel.variance() * diagonal.sum(),
                     -0.5 * (diagonal * noise.array()).sum())};
}

// The same over values and derivatives, block by block of K: the derivatives of
// a sum of W o K, W held. On the diagonal of the last block stands (1 + tau)
// times what the kernel expects, and what was reported.
MarginalLikelihood::Value MarginalLikelihood::EvaluateWithDerivatives(
    const Hyperparameters& hyperparameters) {
  assert(covariance_ == nullptr && hyperparameters.derivative_noise);
  const Eigen::Index n = x_.rows(), m = derivative_x_.rows();
  const Eigen::MatrixXd& directions = derivatives_->directions;
  const Kernel kernel(features_, hyperparameters);
  kernel.Lower(x_, kernel_, slope_);
  const Eigen::MatrixXd cross =
      DerivativeCross(kernel, derivative_x_, directions, x_);
  Eigen::MatrixXd corner =
      DerivativeCovariance(kernel, derivative_x_, directions);
  const double tau = *hyperparameters.derivative_noise;
  const Eigen::VectorXd variances = DerivativeVariances(kernel, directions);
  corner.diagonal() = (1 + tau) * variances;

  matrix_.resize(n + m, n + m);
  matrix_.topLeftCorner(n, n) = kernel_;
  matrix_.bottomLeftCorner(m, n) = cross;
  matrix_.bottomRightCorner(m, m) = corner;
  const Eigen::VectorXd noise = hyperparameters.noise_variance * multipliers_;
  matrix_.diagonal().head(n) += noise;
  matrix_.diagonal().tail(m) += derivatives_->variances;
  const int size = Hyperparameters::Size(features_);
  if (!FactorizeCholesky(matrix_)) {
    return {-std::numeric_limits<double>::infinity(),
            Eigen::VectorXd::Zero(size + 1)};
  }
  Eigen::VectorXd alpha(n + m);
  alpha << y_, derivatives_->targets;
  SolveLower(matrix_, alpha);
  const double value = -0.5 * alpha.squaredNorm() -
                       matrix_.diagonal().array().log().sum() -
                       0.5 * (n + m) * std::log(2 * std::numbers::pi);
  SolveLowerTransposed(matrix_, alpha);
  InvertFromCholesky(matrix_);
  Eigen::MatrixXd& w = matrix_;  // W, the lower triangle.
  w -= alpha * alpha.transpose();

  // slope_ becomes W o dK / d(r^2) of the values, below the diagonal.
  double values = 0;
  for (Eigen::Index j = 0; j < n; ++j) {
    const Eigen::Index below = n - j - 1;
    const auto column = w.col(j).segment(j + 1, below).array();
    values += (column * kernel_.col(j).tail(below).array()).sum();
    slope_.col(j).tail(below).array() *= column;
  }
  const Eigen::ArrayXd diagonal = w.diagonal().head(n);
  const Eigen::MatrixXd w_cross = w.bottomLeftCorner(m, n);
  Eigen::MatrixXd w_corner =
      w.bottomRightCorner(m, m).selfadjointView<Eigen::Lower>();
  const double noise_sum = w_corner.diagonal().dot(variances);
  const double by_signal = 2 * values + kernel.variance() * diagonal.sum() +
                           2 * w_cross.cwiseProduct(cross).sum() +
                           w_corner.cwiseProduct(corner).sum();
  w_corner.diagonal() *= 1 + tau;
  const Eigen::VectorXd by_weights =
      kernel.ColumnSums(x_, slope_) +
      2 * DerivativeCrossByLogWeights(kernel, derivative_x_, directions, x_,
                                      w_cross) +
      DerivativeCovarianceByLogWeights(kernel, derivative_x_, directions,
                                       w_corner);
  Value out{value, Eigen::VectorXd(size + 1)};
  out.gradient << LogHyperparameterGradient(
      features_, -0.5 * by_weights, -0.5 * by_signal,
      -0.5 * (diagonal * noise.array()).sum()),
      -0.5 * tau * noise_sum;
  return out;
}

}  // namespace assay
