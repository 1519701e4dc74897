#include "search/gp/gaussian_process.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

#include "search/gp/derivative_kernel.h"
#include "search/gp/linalg.h"

namespace assay {
namespace {

constexpr double kLog2Pi = 1.83787706640934548356;
// Rounding may take a variance below 0 next to an observation; relative to s^2.
constexpr double kLeastVariance = 1e-14;

Eigen::VectorXd OnesIfEmpty(Eigen::VectorXd multipliers, Eigen::Index n) {
  if (multipliers.size() > 0) return multipliers;
  return Eigen::VectorXd::Ones(n);
}

Eigen::VectorXd ColumnSquares(
    const Eigen::Ref<const Eigen::MatrixXd, 0, Eigen::OuterStride<>>& matrix) {
  return matrix.colwise().squaredNorm().transpose();
}

}  // namespace

Eigen::VectorXd LeaveOneOut::LogScores(const Eigen::VectorXd& y) const {
  return -0.5 * ((y - mean).array().square() / variance.array() +
                 variance.array().log() + kLog2Pi);
}

GaussianProcess::GaussianProcess(Features features,
                                 Hyperparameters hyperparameters,
                                 Eigen::MatrixXd x, Eigen::VectorXd y,
                                 Eigen::VectorXd noise_multipliers)
    : features_(std::move(features)),
      hyperparameters_(std::move(hyperparameters)),
      kernel_(features_, hyperparameters_),
      observed_(static_cast<int>(x.rows())),
      known_(observed_),
      rows_(observed_),
      x_(std::move(x)),
      noise_(hyperparameters_.noise_variance *
             OnesIfEmpty(std::move(noise_multipliers), observed_)),
      y_(std::move(y)) {
  assert(x_.cols() == features_.size() || observed_ == 0);
  assert(y_.size() == observed_ && noise_.size() == observed_);
  x_.conservativeResize(Eigen::NoChange, features_.size());
  Factorize();
  SetTargets(y_);
}

// With noise of 1e-6 and more, and s^2 of 50 and less, the first try succeeds;
// a caller may ask for less noise.
void GaussianProcess::Factorize() {
  Eigen::MatrixXd kernel, slope;
  kernel_.Lower(x_.topRows(rows_), kernel, slope);
  double jitter = 0;
  while (true) {
    factor_ = kernel;
    factor_.diagonal() += noise_.head(rows_);
    factor_.diagonal().array() += jitter * kernel_.variance();
    if (FactorizeCholesky(factor_)) return;
    jitter = std::max(1e-10, 10 * jitter);
    assert(jitter < 1);
  }
}

void GaussianProcess::SetTargets(const Eigen::VectorXd& y) {
  assert(y.size() == observed_);
  y_ = y;
  alpha_ = Residual();
  const auto l = factor_.topLeftCorner(known_, known_);
  SolveLower(l, alpha_);
  SolveLowerTransposed(l, alpha_);
}

void GaussianProcess::SetMean(std::shared_ptr<const MeanFunction> mean) {
  mean_ = std::move(mean);
  prior_ = mean_ ? mean_->Values(x()) : Eigen::VectorXd();
  derivative_prior_ = DerivativePrior();
  SetTargets(Eigen::VectorXd(y_));
}

// What the mean's gradient says along each direction.
Eigen::VectorXd GaussianProcess::DerivativePrior() const {
  if (!mean_ || derivatives_.empty()) return Eigen::VectorXd();
  const Eigen::MatrixXd gradients =
      mean_->Gradients(x_.middleRows(observed_, derivatives_.size()));
  return gradients.transpose()
      .cwiseProduct(derivatives_.directions)
      .rowwise()
      .sum();
}

Eigen::VectorXd GaussianProcess::Residual() const {
  const Eigen::VectorXd values = mean_ ? Eigen::VectorXd(y_ - prior_) : y_;
  if (derivatives_.empty()) return values;
  Eigen::VectorXd all(known_);
  all << values, derivatives_.targets;
  if (mean_) all.tail(derivatives_.size()) -= derivative_prior_;
  return all;
}

void GaussianProcess::ForgetDerivatives() {
  derivatives_ = {};
  known_ = rows_ = observed_;
}

void GaussianProcess::SetDerivatives(Derivatives derivatives) {
  ForgetDerivatives();
  derivatives_ = std::move(derivatives);
  const int m = derivatives_.size();
  Reserve(observed_ + m);
  for (int i = 0; i < m; ++i) {
    x_.row(observed_ + i) = x_.row(derivatives_.rows[i]);
  }
  if (m > 0) FactorizeDerivatives();
  known_ = rows_ = observed_ + m;
  derivative_prior_ = DerivativePrior();
  SetTargets(Eigen::VectorXd(y_));
}

void GaussianProcess::FactorizeDerivatives() {
  const int n = observed_, m = derivatives_.size();
  const auto x = x_.middleRows(n, m);
  const Eigen::MatrixXd& v = derivatives_.directions;
  const Eigen::VectorXd variances = DerivativeVariances(kernel_, v);
  noise_.segment(n, m) =
      derivatives_.variances +
      hyperparameters_.derivative_noise.value_or(0) * variances;
  FactorizeBlock(n, DerivativeCross(kernel_, x, v, x_.topRows(n)).transpose(),
                 DerivativeCovariance(kernel_, x, v), variances);
}

// Behind the first `rows` of L: [L 0; B^T C] with B = L^-1 cross and C C^T =
// covariance + noise - B^T B. `scales`: of the jitter.
void GaussianProcess::FactorizeBlock(int rows, Eigen::MatrixXd cross,
                                     const Eigen::MatrixXd& covariance,
                                     const Eigen::VectorXd& scales) {
  const Eigen::Index m = covariance.rows();
  SolveLower(factor_.topLeftCorner(rows, rows), cross);
  const Eigen::MatrixXd transposed = cross.transpose();
  factor_.block(rows, 0, m, rows) = transposed;
  const Eigen::MatrixXd remaining = covariance - Multiply(transposed, cross);
  auto corner = factor_.block(rows, rows, m, m);
  for (double jitter = 0; true; jitter = std::max(1e-10, 10 * jitter)) {
    corner = remaining;
    corner.diagonal() += noise_.segment(rows, m) + jitter * scales;
    if (FactorizeCholesky(corner)) return;
    assert(jitter < 1);
  }
}

void GaussianProcess::Append(const Eigen::VectorXd& x,
                             double noise_multiplier) {
  ForgetDerivatives();
  AppendRows(Eigen::MatrixXd(x.transpose()),
             hyperparameters_.noise_variance * noise_multiplier);
  observed_ = known_ = rows_;
  if (!mean_) return;
  prior_.conservativeResize(observed_);
  prior_[observed_ - 1] = mean_->Values(x_.middleRows(observed_ - 1, 1))[0];
}

// With B = L^-1 k over the known rows, K^-1 k = L^-T B.
void GaussianProcess::AppendPending(const Kernel::Rows& x) {
  assert(x.cols() == features_.size());
  const int before = pending();
  AppendRows(x, hyperparameters_.noise_variance);
  if (pending_weights_.cols() < pending() ||
      pending_weights_.rows() != known_) {
    pending_weights_.conservativeResize(known_, std::max(8, 2 * pending()));
  }
  Eigen::MatrixXd weights =
      factor_.block(known_ + before, 0, x.rows(), known_).transpose();
  SolveLowerTransposed(factor_.topLeftCorner(known_, known_), weights);
  pending_weights_.middleCols(before, x.rows()) = weights;
}

void GaussianProcess::TruncatePending(int keep) {
  rows_ = known_ + std::min(keep, pending());
}

void GaussianProcess::Reserve(int rows) {
  if (rows <= factor_.rows()) return;
  const int capacity = std::max(16, rows + rows / 2);
  x_.conservativeResize(capacity, Eigen::NoChange);
  noise_.conservativeResize(capacity);
  factor_.conservativeResize(capacity, capacity);
}

void GaussianProcess::AppendRows(const Kernel::Rows& x, double noise_variance) {
  const auto m = static_cast<int>(x.rows());
  Reserve(rows_ + m);
  x_.middleRows(rows_, m) = x;
  noise_.segment(rows_, m).setConstant(noise_variance);
  FactorizeBlock(rows_, Cross(rows_, x), kernel_.Cross(x, x),
                 Eigen::VectorXd::Constant(m, kernel_.variance()));
  rows_ += m;
}

Eigen::MatrixXd GaussianProcess::Cross(int rows, const Kernel::Rows& z) const {
  Eigen::MatrixXd k = kernel_.Cross(x_.topRows(rows), z);
  const int m = derivatives_.size();
  if (m == 0) return k;
  k.middleRows(observed_, m) = DerivativeCross(
      kernel_, x_.middleRows(observed_, m), derivatives_.directions, z);
  return k;
}

GaussianProcess::Slopes GaussianProcess::CrossSlopes(
    int rows, const Kernel::Rows& z) const {
  Slopes k = {kernel_.CrossSlopes(x_.topRows(rows), z), {}};
  const int m = derivatives_.size();
  if (m == 0) return k;
  DerivativeSlopes along = DerivativeCrossSlopes(
      kernel_, x_.middleRows(observed_, m), derivatives_.directions, z);
  k.value.middleRows(observed_, m) = along.value;
  k.slope.middleRows(observed_, m) = along.slope;
  k.turn = std::move(along.turn);
  return k;
}

Eigen::VectorXd GaussianProcess::GradientOf(
    const Slopes& k, Eigen::Index j, const Eigen::VectorXd& z,
    const Eigen::VectorXd& factors) const {
  const Eigen::Index rows = factors.size();
  Eigen::VectorXd gradient = kernel_.Gradient(
      x_.topRows(rows), z, k.slope.col(j).head(rows).cwiseProduct(factors));
  const int m = derivatives_.size();
  if (m == 0) return gradient;
  const Eigen::VectorXd turned =
      k.turn.col(j).cwiseProduct(factors.segment(observed_, m));
  return gradient + kernel_.weights().cwiseProduct(
                        MultiplyTransposed(derivatives_.directions, turned));
}

Eigen::VectorXd GaussianProcess::Mean(const Kernel::Rows& z) const {
  Eigen::VectorXd mean = MultiplyTransposed(Cross(known_, z), alpha_);
  if (mean_) mean += mean_->Values(z);
  return mean;
}

Eigen::MatrixXd GaussianProcess::MeanGradients(const Kernel::Rows& z) const {
  const Slopes k = CrossSlopes(known_, z);
  Eigen::MatrixXd gradients(features_.size(), z.rows());
  for (Eigen::Index j = 0; j < z.rows(); ++j) {
    gradients.col(j) = GradientOf(k, j, z.row(j).transpose(), alpha_);
  }
  if (mean_) gradients += mean_->Gradients(z);
  return gradients;
}

Posterior GaussianProcess::Predict(const Kernel::Rows& z) const {
  Eigen::MatrixXd v = Cross(rows_, z);
  Posterior posterior;
  posterior.mean = MultiplyTransposed(v.topRows(known_), alpha_);
  if (mean_) posterior.mean += mean_->Values(z);
  SolveLower(factor_.topLeftCorner(rows_, rows_), v);
  SetVariances(v, posterior);
  return posterior;
}

// variance = s^2 - sum of v_i^2 over the rows it is conditioned on.
void GaussianProcess::SetVariances(const Eigen::MatrixXd& v,
                                   Posterior& posterior) const {
  const double least = kLeastVariance * kernel_.variance();
  const Eigen::ArrayXd observed =
      kernel_.variance() - ColumnSquares(v.topRows(known_)).array();
  const Eigen::ArrayXd all =
      observed - ColumnSquares(v.bottomRows(pending())).array();
  posterior.variance = observed.max(least);
  posterior.variance_all = all.max(least);
}

// d variance = -2 sum_i w_i dk_i with w = K^-1 k = L^-T v. Of all rows, L_all =
// [L 0; B C]: w_pending = C^-T v_pending, and the observed part is that of the
// observed rows alone less (K^-1 k_pending) w_pending.
PosteriorWithGradients GaussianProcess::PredictWithGradients(
    const Kernel::Rows& z) const {
  Slopes k = CrossSlopes(rows_, z);
  PosteriorWithGradients posterior;
  posterior.mean = MultiplyTransposed(k.value.topRows(known_), alpha_);
  if (mean_) posterior.mean += mean_->Values(z);
  SolveLower(factor_.topLeftCorner(rows_, rows_), k.value);
  SetVariances(k.value, posterior);
  SolveLowerTransposed(factor_.topLeftCorner(known_, known_),
                       k.value.topRows(known_));
  SolveLowerTransposed(factor_.block(known_, known_, pending(), pending()),
                       k.value.bottomRows(pending()));
  SetGradients(z, k, posterior);
  return posterior;
}

void GaussianProcess::SetGradients(const Kernel::Rows& z, const Slopes& k,
                                   PosteriorWithGradients& posterior) const {
  const Eigen::Index m = z.rows();
  const int columns = features_.size();
  posterior.mean_gradient.resize(columns, m);
  posterior.variance_gradient.resize(columns, m);
  const auto weights = k.value.topRows(known_);
  for (Eigen::Index j = 0; j < m; ++j) {
    const Eigen::VectorXd row = z.row(j);
    posterior.mean_gradient.col(j) = GradientOf(k, j, row, alpha_);
    posterior.variance_gradient.col(j) =
        -2 * GradientOf(k, j, row, weights.col(j));
  }
  if (mean_) posterior.mean_gradient += mean_->Gradients(z);
  posterior.variance_all_gradient = posterior.variance_gradient;
  if (pending() > 0) SetPendingGradients(z, k, posterior);
}

void GaussianProcess::SetPendingGradients(
    const Kernel::Rows& z, const Slopes& k,
    PosteriorWithGradients& posterior) const {
  Eigen::MatrixXd weights = k.value;
  weights.topRows(known_) -= Multiply(pending_weights_.leftCols(pending()),
                                      k.value.bottomRows(pending()));
  for (Eigen::Index j = 0; j < z.rows(); ++j) {
    posterior.variance_all_gradient.col(j) =
        -2 * GradientOf(k, j, z.row(j).transpose(), weights.col(j));
  }
}

Eigen::VectorXd GaussianProcess::VarianceBound(const Kernel::Rows& z) const {
  const Eigen::MatrixXd k = Cross(rows_, z);
  const int m = derivatives_.size();
  Eigen::ArrayXd variances = kernel_.variance() + noise_.head(rows_).array();
  if (m > 0) {
    variances.segment(observed_, m) =
        DerivativeVariances(kernel_, derivatives_.directions) +
        noise_.segment(observed_, m);
  }
  const Eigen::ArrayXd own = variances.sqrt().inverse();
  Eigen::VectorXd bound(z.rows());
  for (Eigen::Index j = 0; j < z.rows(); ++j) {
    const double best =
        rows_ == 0 ? 0 : (k.col(j).array() * own).square().maxCoeff();
    bound[j] = kernel_.variance() - best;
  }
  return bound;
}

// With Q = K^-1: variance_i = 1 / Q_ii, y_i - mean_i = alpha_i / Q_ii. A value
// i with a derivative d: the same with the block of both,
//   [y_i - mean_i; .] = Q_II^-1 [alpha_i; alpha_d],  variance_i = (Q_II^-1)_ii.
LeaveOneOut GaussianProcess::LeaveOneOutPosterior() const {
  Eigen::MatrixXd inverse = factor_.topLeftCorner(known_, known_);
  InvertFromCholesky(inverse);
  const Eigen::ArrayXd precision = inverse.diagonal().head(observed_);
  LeaveOneOut out = {
      .mean = y_ - (alpha_.head(observed_).array() / precision).matrix(),
      .variance = precision.inverse()};
  for (int j = 0; j < derivatives_.size(); ++j) {
    const int i = derivatives_.rows[j], d = observed_ + j;
    const double own = inverse(i, i), both = inverse(d, i);
    const double determinant = own * inverse(d, d) - both * both;
    out.variance[i] = inverse(d, d) / determinant;
    out.mean[i] =
        y_[i] - (inverse(d, d) * alpha_[i] - both * alpha_[d]) / determinant;
  }
  return out;
}

double GaussianProcess::LogMarginalLikelihood() const {
  const auto l = factor_.topLeftCorner(known_, known_);
  return -0.5 * (Residual().dot(alpha_) + known_ * kLog2Pi) -
         l.diagonal().array().log().sum();
}

}  // namespace assay
