#include "search/math/cma.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include <Eigen/Eigenvalues>

#include "search/math/normal.h"

namespace assay {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kEpsilon = 1e-8;
constexpr double kLargestSigma = 1e32;
constexpr double kSmallestEigenvalue = 1e-30;

VectorXd ToVector(const std::vector<double>& values) {
  return Eigen::Map<const VectorXd>(values.data(),
                                    static_cast<Eigen::Index>(values.size()));
}

// (sum w)^2 / sum w^2.
double EffectiveCount(const VectorXd& weights) {
  return weights.sum() * weights.sum() / weights.squaredNorm();
}

// (eq. 49)
VectorXd RawWeights(int population) {
  VectorXd raw(population);
  for (int i = 0; i < population; ++i) {
    raw[i] = std::log((population + 1) / 2.0) - std::log(i + 1);
  }
  return raw;
}

}  // namespace

int Cma::DefaultPopulation(int dimensions) {
  return 4 + static_cast<int>(3 * std::log(dimensions));
}

std::vector<double> Cma::ParentWeights(int population) {
  const VectorXd raw = RawWeights(population).head(population / 2);
  const VectorXd weights = raw / raw.sum();
  return {weights.begin(), weights.end()};
}

Cma::Cma(std::vector<double> mean, double sigma, int population)
    : population_(population),
      separable_(mean.size() > kMostCorrelated),
      mean_(ToVector(mean)),
      sigma_(sigma) {
  assert(!mean.empty() && sigma > 0 && population >= 4);
  const int d = dimensions();
  SetWeights();
  stretch_ = VectorXd::Ones(d);
  lengths_ = VectorXd::Ones(d);
  path_sigma_ = VectorXd::Zero(d);
  path_c_ = VectorXd::Zero(d);
  if (separable_) {
    covariance_ = MatrixXd::Ones(d, 1);
  } else {
    covariance_ = MatrixXd::Identity(d, d);
    axes_ = MatrixXd::Identity(d, d);
  }
}

// Equations 49 to 58.
void Cma::SetWeights() {
  const double d = dimensions();
  const VectorXd raw = RawWeights(population_);
  parents_ = population_ / 2;
  mu_eff_ = EffectiveCount(raw.head(parents_));
  const double mu_eff_minus = EffectiveCount(raw.tail(population_ - parents_));
  c_1_ = 2 / ((d + 1.3) * (d + 1.3) + mu_eff_);
  c_mu_ = std::min(1 - c_1_ - kEpsilon, 2 * (mu_eff_ - 2 + 1 / mu_eff_) /
                                            ((d + 2) * (d + 2) + mu_eff_));
  if (separable_) {
    c_1_ = std::min(0.5, c_1_ * (d + 2) / 3);
    c_mu_ = std::min(1 - c_1_, c_mu_ * (d + 2) / 3);
  }
  const double least =
      std::min({1 + c_1_ / c_mu_, 1 + 2 * mu_eff_minus / (mu_eff_ + 2),
                (1 - c_1_ - c_mu_) / (d * c_mu_)});
  const double positive = raw.cwiseMax(0).sum();
  const double negative = -raw.cwiseMin(0).sum();
  weights_ = raw.cwiseMax(0) / positive + least * raw.cwiseMin(0) / negative;
  c_sigma_ = (mu_eff_ + 2) / (d + mu_eff_ + 5);
  d_sigma_ =
      1 + 2 * std::max(0.0, std::sqrt((mu_eff_ - 1) / (d + 1)) - 1) + c_sigma_;
  c_c_ = (4 + mu_eff_ / d) / (d + 4 + 2 * mu_eff_ / d);
  expected_norm_ = std::sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d));
  lazy_generations_ =
      std::max(1, static_cast<int>(1 / (10 * d * (c_1_ + c_mu_))));
}

void Cma::SetMean(const std::vector<double>& mean) {
  assert(generation_ == 0 && static_cast<int>(mean.size()) == dimensions());
  mean_ = ToVector(mean);
}

double Cma::Deviation(int i) const {
  const double variance = separable_ ? covariance_(i, 0) : covariance_(i, i);
  return sigma_ * stretch_[i] * std::sqrt(variance);
}

void Cma::Stretch(int i, double deviation) {
  stretch_[i] *= deviation / Deviation(i);
}

std::vector<double> Cma::Draw(Random& random) const {
  VectorXd z(dimensions());
  for (double& value : z) value = DrawNormal(random);
  const VectorXd scaled = lengths_.cwiseProduct(z);
  const VectorXd step = separable_ ? scaled : VectorXd(axes_ * scaled);
  const VectorXd point = mean_ + sigma_ * stretch_.cwiseProduct(step);
  return {point.begin(), point.end()};
}

// (x - m) / sigma, no longer than is likely.
VectorXd Cma::Steps(const std::vector<double>& point) const {
  const VectorXd step =
      (ToVector(point) - mean_).cwiseQuotient(sigma_ * stretch_);
  const double d = dimensions();
  const double longest = std::sqrt(d) + 2 * d / (d + 2);
  const double length = Whiten(step).norm();
  return length > longest ? VectorXd(step * (longest / length)) : step;
}

// C^(-1/2) times it.
VectorXd Cma::Whiten(const VectorXd& step) const {
  if (separable_) return step.cwiseQuotient(lengths_);
  return axes_ * (axes_.transpose() * step).cwiseQuotient(lengths_);
}

void Cma::Update(absl::Span<const std::vector<double>> ranked) {
  assert(static_cast<int>(ranked.size()) == population_);
  ++generation_;
  MatrixXd steps(dimensions(), population_);
  VectorXd weights = weights_;
  for (int i = 0; i < population_; ++i) {
    steps.col(i) = Steps(ranked[i]);
    if (weights[i] >= 0) continue;  // (eq. 46)
    weights[i] *=
        dimensions() / (Whiten(steps.col(i)).squaredNorm() + kEpsilon);
  }
  const VectorXd step = steps.leftCols(parents_) * weights_.head(parents_);
  mean_ += sigma_ * stretch_.cwiseProduct(step);
  UpdatePaths(step);
  UpdateCovariance(steps, weights);
  if (generation_ - decomposed_ >= lazy_generations_) Decompose();
}

// (eq. 43 to 45)
void Cma::UpdatePaths(const VectorXd& step) {
  path_sigma_ = (1 - c_sigma_) * path_sigma_ +
                std::sqrt(c_sigma_ * (2 - c_sigma_) * mu_eff_) * Whiten(step);
  const double norm = path_sigma_.norm();
  sigma_ *= std::exp(c_sigma_ / d_sigma_ * (norm / expected_norm_ - 1));
  sigma_ = std::min(sigma_, kLargestSigma);
  const double settled = std::sqrt(
      1 - std::pow(1 - c_sigma_, 2.0 * static_cast<double>(generation_)));
  const bool is_short =
      norm / settled < (1.4 + 2.0 / (dimensions() + 1)) * expected_norm_;
  path_c_ *= 1 - c_c_;
  if (is_short) path_c_ += std::sqrt(c_c_ * (2 - c_c_) * mu_eff_) * step;
  // What a path that was held back lacks in variance.
  const double lack = is_short ? 0 : c_c_ * (2 - c_c_);
  covariance_ *= 1 + c_1_ * lack - c_1_ - c_mu_ * weights_.sum();
}

// (eq. 47), the decay aside.
void Cma::UpdateCovariance(const MatrixXd& steps, const VectorXd& weights) {
  if (separable_) {
    covariance_ +=
        c_1_ * path_c_.cwiseAbs2() + c_mu_ * (steps.cwiseAbs2() * weights);
    covariance_ = covariance_.cwiseMax(kSmallestEigenvalue);
    return;
  }
  covariance_ += c_1_ * path_c_ * path_c_.transpose();
  covariance_ += c_mu_ * steps * weights.asDiagonal() * steps.transpose();
}

void Cma::Decompose() {
  decomposed_ = generation_;
  if (separable_) {
    lengths_ = covariance_.col(0).cwiseSqrt();
    return;
  }
  covariance_ = (0.5 * (covariance_ + covariance_.transpose())).eval();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(covariance_);
  axes_ = solver.eigenvectors();
  const VectorXd values = solver.eigenvalues().cwiseMax(kSmallestEigenvalue);
  lengths_ = values.cwiseSqrt();
  if (solver.eigenvalues().minCoeff() < kSmallestEigenvalue) {
    covariance_ = axes_ * values.asDiagonal() * axes_.transpose();
  }
}

double Cma::Condition() const {
  const double ratio = lengths_.maxCoeff() / lengths_.minCoeff();
  return ratio * ratio;
}

double Cma::LargestDeviation() const {
  return sigma_ * stretch_.maxCoeff() * lengths_.maxCoeff();
}

}  // namespace assay
