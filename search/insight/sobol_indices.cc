#include "search/insight/sobol_indices.h"

#include <cmath>
#include <vector>

#include "search/math/sobol.h"

namespace assay {
namespace {

// Of each column, over the values at both samples.
struct Moments {
  Eigen::RowVectorXd mean, variance;
};

Moments MomentsOf(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Moments moments;
  moments.mean = 0.5 * (a.colwise().mean() + b.colwise().mean());
  const auto squares = [&](const Eigen::MatrixXd& values) {
    return (values.rowwise() - moments.mean).array().square().colwise().mean();
  };
  moments.variance = 0.5 * (squares(a) + squares(b)).matrix();
  return moments;
}

}  // namespace

absl::StatusOr<SobolIndices> EstimateSobolIndices(int inputs, int points,
                                                  uint64_t seed,
                                                  BatchFunction function,
                                                  KeepGoing keep_going) {
  const ScrambledSobol sequence(2 * inputs, seed);
  Eigen::MatrixXd a(points, inputs), b(points, inputs);
  for (int i = 0; i < points; ++i) {
    const std::vector<double> point = sequence.Point(i);
    a.row(i) = Eigen::Map<const Eigen::RowVectorXd>(point.data(), inputs);
    b.row(i) =
        Eigen::Map<const Eigen::RowVectorXd>(point.data() + inputs, inputs);
  }
  const Eigen::MatrixXd at_a = function(a), at_b = function(b);
  const Moments moments = MomentsOf(at_a, at_b);
  const Eigen::MatrixXd centred = at_b.rowwise() - moments.mean;
  SobolIndices indices{Eigen::MatrixXd(inputs, at_a.cols()),
                       Eigen::MatrixXd(inputs, at_a.cols())};
  for (int i = 0; i < inputs; ++i) {
    if (!keep_going()) return absl::CancelledError("nobody waits any more");
    const Eigen::VectorXd kept = a.col(i);
    a.col(i) = b.col(i);
    const Eigen::MatrixXd change = function(a) - at_a;
    a.col(i) = kept;
    indices.first_order.row(i) =
        (centred.array() * change.array()).colwise().mean() /
        moments.variance.array();
    indices.total.row(i) = 0.5 * change.array().square().colwise().mean() /
                           moments.variance.array();
  }
  for (Eigen::Index k = 0; k < at_a.cols(); ++k) {
    if (moments.variance[k] > 0) continue;
    indices.first_order.col(k).setConstant(std::nan(""));
    indices.total.col(k).setConstant(std::nan(""));
  }
  return indices;
}

}  // namespace assay
