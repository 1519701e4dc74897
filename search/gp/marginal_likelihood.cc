#include "search/gp/marginal_likelihood.h"

#include <cmath>
#include <limits>
#include <numbers>

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

// With W = K^-1 - alpha alpha^T, d log p / d theta = -1/2 tr(W dK / d theta)
// (Rasmussen & Williams 2006, eq. 5.9). Lower triangles throughout.
MarginalLikelihood::Value MarginalLikelihood::Evaluate(
    const Hyperparameters& hyperparameters) {
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

}  // namespace assay
