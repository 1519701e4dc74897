#include "search/gp/derivative_kernel.h"

#include <algorithm>
#include <cmath>

#include "search/gp/linalg.h"

namespace assay {
namespace {

// sum over columns of w v (x - z), by pair: [m, n].
Eigen::MatrixXd Projections(const Kernel& kernel, const Kernel::Rows& x,
                            const Kernel::Rows& v, const Kernel::Rows& z) {
  const Eigen::MatrixXd weighted = v * kernel.weights().asDiagonal();
  const Eigen::VectorXd own = weighted.cwiseProduct(x).rowwise().sum();
  const Eigen::MatrixXd transposed = z.transpose();
  return (-Multiply(weighted, transposed)).colwise() + own;
}

// One row of derivatives against all rows of `z`, [n, features.size()].
struct Differences {
  Eigen::MatrixXd moved;    // x - z; of no use in Hamming columns.
  Eigen::MatrixXd squared;  // D of search/gp/features.h.
};

Differences DifferencesOf(const Kernel& kernel, const Eigen::RowVectorXd& x,
                          const Kernel::Rows& z) {
  Differences d{.moved = (-z).rowwise() + x};
  d.squared = d.moved.cwiseAbs2();
  for (int c = 0; c < d.squared.cols(); ++c) {
    if (!kernel.IsHamming(c)) continue;
    d.squared.col(c) = (d.moved.col(c).array() != 0).cast<double>();
  }
  return d;
}

// k''' p q = -k'' 5 / (2 a) p q: of order a^4 / a, so 0 at a = 0.
Eigen::ArrayXd ThirdTimes(const Eigen::ArrayXd& curvature,
                          const Eigen::ArrayXd& r2, const Eigen::ArrayXd& pq) {
  const Eigen::ArrayXd a = (5 * r2).sqrt().max(1e-100);
  return -2.5 * curvature * pq / a;
}

}  // namespace

Eigen::MatrixXd DerivativeCross(const Kernel& kernel, const Kernel::Rows& x,
                                const Kernel::Rows& v, const Kernel::Rows& z) {
  const Kernel::Slopes k = kernel.CrossSlopes(x, z);
  return 2 * k.slope.cwiseProduct(Projections(kernel, x, v, z));
}

DerivativeSlopes DerivativeCrossSlopes(const Kernel& kernel,
                                       const Kernel::Rows& x,
                                       const Kernel::Rows& v,
                                       const Kernel::Rows& z) {
  const Kernel::Curvatures k = kernel.CrossCurvatures(x, z);
  const Eigen::MatrixXd p = Projections(kernel, x, v, z);
  return {.value = 2 * k.slope.cwiseProduct(p),
          .slope = 2 * k.curvature.cwiseProduct(p),
          .turn = -2 * k.slope};
}

// Row i of `p` is that of pairs (i, j); q of a pair is -p of the turned one.
Eigen::MatrixXd DerivativeCovariance(const Kernel& kernel,
                                     const Kernel::Rows& x,
                                     const Kernel::Rows& v) {
  const Kernel::Curvatures k = kernel.CrossCurvatures(x, x);
  const Eigen::MatrixXd p = Projections(kernel, x, v, x);
  const Eigen::MatrixXd weighted = v * kernel.weights().asDiagonal();
  const Eigen::MatrixXd transposed = v.transpose();
  return -2 * k.slope.cwiseProduct(Multiply(weighted, transposed)) +
         4 * k.curvature.cwiseProduct(p).cwiseProduct(p.transpose());
}

Eigen::VectorXd DerivativeVariances(const Kernel& kernel,
                                    const Kernel::Rows& v) {
  return 5.0 / 3.0 * kernel.variance() * (v.cwiseAbs2() * kernel.weights());
}

// d (2 k' p) / d log w_c = 2 k'' p w_c D_c + 2 k' w_c g_c v_c.
Eigen::VectorXd DerivativeCrossByLogWeights(const Kernel& kernel,
                                            const Kernel::Rows& x,
                                            const Kernel::Rows& v,
                                            const Kernel::Rows& z,
                                            const Eigen::MatrixXd& s) {
  const Kernel::Curvatures k = kernel.CrossCurvatures(z, x);  // [n, m]
  const Eigen::VectorXd& w = kernel.weights();
  Eigen::VectorXd sums = Eigen::VectorXd::Zero(w.size());
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    const Eigen::VectorXd direction = v.row(i).transpose();
    const Differences d = DifferencesOf(kernel, x.row(i), z);
    const Eigen::VectorXd factors = 2 * s.row(i).transpose();
    const Eigen::VectorXd p = d.moved * w.cwiseProduct(direction);
    sums += d.squared.transpose() *
            factors.cwiseProduct(k.curvature.col(i)).cwiseProduct(p);
    sums += direction.cwiseProduct(d.moved.transpose() *
                                   factors.cwiseProduct(k.slope.col(i)));
  }
  return sums.cwiseProduct(w);
}

// d (-2 k' s - 4 k'' p q) / d log w_c = -(2 k'' s + 4 k''' p q) w_c D_c
//   - 2 k' w_c v_c v'_c - 4 k'' w_c g_c (v_c q + v'_c p).
Eigen::VectorXd DerivativeCovarianceByLogWeights(const Kernel& kernel,
                                                 const Kernel::Rows& x,
                                                 const Kernel::Rows& v,
                                                 const Eigen::MatrixXd& s) {
  const Kernel::Curvatures k = kernel.CrossCurvatures(x, x);
  const Eigen::VectorXd& w = kernel.weights();
  Eigen::VectorXd sums = Eigen::VectorXd::Zero(w.size());
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    const Eigen::VectorXd direction = v.row(i).transpose();
    const Differences d = DifferencesOf(kernel, x.row(i), x);
    const Eigen::MatrixXd moved_v = d.moved.cwiseProduct(v);
    const auto factors = s.col(i), curvature = k.curvature.col(i);
    const Eigen::VectorXd p = d.moved * w.cwiseProduct(direction);
    const Eigen::VectorXd q = moved_v * w;
    const Eigen::VectorXd both = v * w.cwiseProduct(direction);
    const Eigen::VectorXd r2 = d.squared * w;
    const Eigen::VectorXd third = ThirdTimes(curvature, r2, p.cwiseProduct(q));
    const Eigen::VectorXd distances =
        factors.cwiseProduct(2 * curvature.cwiseProduct(both) + 4 * third);
    const Eigen::VectorXd slopes = 2 * factors.cwiseProduct(k.slope.col(i));
    const Eigen::VectorXd turns = 4 * factors.cwiseProduct(curvature);
    sums -= d.squared.transpose() * distances;
    sums -= direction.cwiseProduct(v.transpose() * slopes);
    sums -= direction.cwiseProduct(d.moved.transpose() * turns.cwiseProduct(q));
    sums -= moved_v.transpose() * turns.cwiseProduct(p);
  }
  return sums.cwiseProduct(w);
}

}  // namespace assay
