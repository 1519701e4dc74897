#include "search/gp/kernel.h"

#include <algorithm>
#include <cassert>

#include "search/gp/linalg.h"
#include "search/gp/matern.h"

namespace assay {
namespace {

MaternColumns From(const Kernel::Rows& rows, Eigen::Index first,
                   const Eigen::VectorXd& weights,
                   const std::vector<uint8_t>& hamming) {
  assert(rows.cols() == weights.size());
  return {.x = rows.data() + first,
          .stride = rows.outerStride(),
          .columns = static_cast<int>(rows.cols()),
          .weights = weights.data(),
          .hamming = hamming.data()};
}

}  // namespace

Kernel::Kernel(const Features& features, const Hyperparameters& hyperparameters)
    : variance_(hyperparameters.signal_variance), weights_(features.size()) {
  for (int c = 0; c < features.size(); ++c) {
    const Features::Column& column = features.columns()[c];
    weights_[c] =
        hyperparameters.inverse_squared_lengthscales[column.parameter];
    if (column.gap >= 0) weights_[c] *= hyperparameters.gaps[column.gap];
    hamming_.push_back(column.kind == Features::Kind::kHamming);
  }
}

Eigen::MatrixXd Kernel::Cross(const Rows& a, const Rows& b) const {
  const int n = static_cast<int>(a.rows());
  Eigen::MatrixXd value(n, b.rows());
  const MaternColumns rows = From(a, 0, weights_, hamming_);
  for (Eigen::Index j = 0; j < b.rows(); ++j) {
    double* out = value.data() + j * n;
    WeightedDistances(rows, b.data() + j, b.outerStride(), n, out);
    MaternValues(variance_, n, out);
  }
  return value;
}

Kernel::Slopes Kernel::CrossSlopes(const Rows& a, const Rows& b) const {
  const int n = static_cast<int>(a.rows());
  Slopes both = {Eigen::MatrixXd(n, b.rows()), Eigen::MatrixXd(n, b.rows())};
  const MaternColumns rows = From(a, 0, weights_, hamming_);
  for (Eigen::Index j = 0; j < b.rows(); ++j) {
    double* out = both.value.data() + j * n;
    WeightedDistances(rows, b.data() + j, b.outerStride(), n, out);
    MaternSlopes(variance_, n, out, both.slope.data() + j * n);
  }
  return both;
}

Kernel::Curvatures Kernel::CrossCurvatures(const Rows& a, const Rows& b) const {
  const int n = static_cast<int>(a.rows());
  Curvatures both = {Eigen::MatrixXd(n, b.rows()),
                     Eigen::MatrixXd(n, b.rows())};
  const MaternColumns rows = From(a, 0, weights_, hamming_);
  for (Eigen::Index j = 0; j < b.rows(); ++j) {
    double* out = both.slope.data() + j * n;
    WeightedDistances(rows, b.data() + j, b.outerStride(), n, out);
    MaternCurvatures(variance_, n, out, both.curvature.data() + j * n);
  }
  return both;
}

void Kernel::Lower(const Rows& a, Eigen::MatrixXd& value,
                   Eigen::MatrixXd& slope) const {
  const Eigen::Index n = a.rows();
  value.resize(n, n);
  slope.resize(n, n);
  for (Eigen::Index j = 0; j < n; ++j) {
    const int below = static_cast<int>(n - j);
    double* out = value.data() + j * n + j;
    WeightedDistances(From(a, j, weights_, hamming_), a.data() + j,
                      a.outerStride(), below, out);
    MaternSlopes(variance_, below, out, slope.data() + j * n + j);
  }
}

// sum_i s_i (x - a_i) = x sum_i s_i - a^T s.
Eigen::VectorXd Kernel::Gradient(const Rows& a, const Eigen::VectorXd& x,
                                 const Eigen::VectorXd& s) const {
  Eigen::VectorXd gradient = x * s.sum() - MultiplyTransposed(a, s);
  for (size_t c = 0; c < hamming_.size(); ++c) {
    gradient[c] *= hamming_[c] ? 0 : 2 * weights_[c];
  }
  return gradient;
}

Eigen::VectorXd Kernel::ColumnSums(const Rows& a,
                                   const Eigen::MatrixXd& s) const {
  const Eigen::Index n = a.rows();
  Eigen::VectorXd sums = Eigen::VectorXd::Zero(weights_.size());
  for (Eigen::Index j = 0; j + 1 < n; ++j) {
    AddColumnSums(From(a, j + 1, weights_, hamming_), a.data() + j,
                  a.outerStride(), static_cast<int>(n - j - 1),
                  s.data() + j * s.outerStride() + j + 1, sums.data());
  }
  return 2 * sums.cwiseProduct(weights_);
}

Eigen::VectorXd LogHyperparameterGradient(const Features& features,
                                          const Eigen::VectorXd& by_log_weight,
                                          double by_log_signal,
                                          double by_log_noise) {
  Eigen::VectorXd gradient =
      Eigen::VectorXd::Zero(Hyperparameters::Size(features));
  for (int c = 0; c < features.size(); ++c) {
    const Features::Column& column = features.columns()[c];
    gradient[column.parameter] += by_log_weight[c];
    if (column.gap >= 0) {
      gradient[features.parameters() + column.gap] += by_log_weight[c];
    }
  }
  gradient.tail<2>() << by_log_signal, by_log_noise;
  return gradient;
}

}  // namespace assay
