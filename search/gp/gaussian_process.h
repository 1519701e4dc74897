#pragma once

#include <memory>

#include <Eigen/Core>

#include "search/gp/derivatives.h"
#include "search/gp/features.h"
#include "search/gp/hyperparameters.h"
#include "search/gp/kernel.h"
#include "search/gp/mean_function.h"

namespace assay {

// Of the function, without noise, at m rows. Variances are > 0.
struct Posterior {
  Eigen::VectorXd mean;      // [m], from the observed rows.
  Eigen::VectorXd variance;  // [m], from the observed rows.
  // [m], from the observed and the pending rows: what is still to be learned
  // once the pending trials have ended. Labels play no part in it.
  Eigen::VectorXd variance_all;
};

// With the derivatives by the columns of the row, [features.size(), m]: column
// j belongs to row j. Features::PointGradient() takes one to the unit cube.
struct PosteriorWithGradients : Posterior {
  Eigen::MatrixXd mean_gradient;
  Eigen::MatrixXd variance_gradient;
  Eigen::MatrixXd variance_all_gradient;
};

// What is said of each value by all others, noise included; a value's own
// derivative is left out with it.
struct LeaveOneOut {
  Eigen::VectorXd mean;      // [n]
  Eigen::VectorXd variance;  // [n]

  // log N(y_i; mean_i, variance_i): [n].
  Eigen::VectorXd LogScores(const Eigen::VectorXd& y) const;
};

// Exact regression with zero mean, or a given one, and the kernel of
// search/gp/kernel.h (Rasmussen & Williams 2006, algorithm 2.1):
//
//   K = k(X, X) + s_n^2 diag(multipliers) = L L^T,   alpha = K^-1 y
//
// One thread at a time; the same calls give the same bits on one machine.
// Copies cost O(n^2). Rows are those of Features::Embed().
//
// Directional derivatives, at most one at each value, are further rows of L,
// behind those of the values and before the pending ones, with their own
// covariance (search/gp/derivative_kernel.h) and noise. All answers count them;
// x(), y() and size() are of the values alone. Their noise follows the output
// transform, so that it changes with every result: Append() forgets them, and
// SetDerivatives() makes their block anew, while that of the values stays.
class GaussianProcess {
 public:
  // O(n^3). `x` is [n, features.size()], `y` is [n]; n may be 0. Empty
  // `noise_multipliers` means 1 for all: else [n], > 0, e.g. 1/count for the
  // mean of `count` replicates, 4 for a stopped trial's guess.
  GaussianProcess(Features features, Hyperparameters hyperparameters,
                  Eigen::MatrixXd x, Eigen::VectorXd y,
                  Eigen::VectorXd noise_multipliers = {});

  const Features& features() const { return features_; }
  const Hyperparameters& hyperparameters() const { return hyperparameters_; }
  int size() const { return observed_; }
  int pending() const { return rows_ - known_; }
  // The observed rows, [size(), features.size()], and their targets, [size()].
  Kernel::Rows x() const { return x_.topRows(observed_); }
  const Eigen::VectorXd& y() const { return y_; }

  // Adds an observed row, O(n^2); forgets derivatives and pending rows. Call
  // SetTargets() before the next question.
  void Append(const Eigen::VectorXd& x, double noise_multiplier = 1);

  // What it expects before it saw anything: zero without. Targets are given as
  // they are. O(n^2).
  void SetMean(std::shared_ptr<const MeanFunction> mean);

  // New targets for all rows, [size()]: O(n^2), L stays.
  void SetTargets(const Eigen::VectorXd& y);

  // In the place of the derivatives there were, O(n^2 m + n m^2 + m^3); forgets
  // the pending rows. The noise is `variances` and derivative_noise times what
  // the kernel expects.
  void SetDerivatives(Derivatives derivatives);
  const Derivatives& derivatives() const { return derivatives_; }

  // Adds pending rows, [m, features.size()], which count in variance_all alone:
  // O(n^2 m). The bits depend on what was added in one call, speed too.
  void AppendPending(const Kernel::Rows& x);

  // Forgets the pending rows but the first `keep`: O(1).
  void TruncatePending(int keep = 0);

  // At the rows of `z`, [m, features.size()]: one GEMM for Mean(), O(n m), one
  // TRSM more for Predict(), O(n^2 m), two for PredictWithGradients().
  Eigen::VectorXd Mean(const Kernel::Rows& z) const;
  Eigen::MatrixXd MeanGradients(const Kernel::Rows& z) const;
  Posterior Predict(const Kernel::Rows& z) const;
  PosteriorWithGradients PredictWithGradients(const Kernel::Rows& z) const;

  // [m], >= variance_all, O(n m): s^2 - max_i k_i^2 / (s^2 + s_n^2 m_i) over
  // observed and pending rows, the variance given the one best row alone.
  Eigen::VectorXd VarianceBound(const Kernel::Rows& z) const;

  // Closed form (Rasmussen & Williams 2006, eq. 5.12), O(n^3).
  LeaveOneOut LeaveOneOutPosterior() const;

  // log p(y, derivatives), natural logarithm, constants included.
  double LogMarginalLikelihood() const;

 private:
  // Room for more rows; keeps what is there.
  void Reserve(int rows);
  void AppendRows(const Kernel::Rows& x, double noise_variance);
  void FactorizeBlock(int rows, Eigen::MatrixXd cross,
                      const Eigen::MatrixXd& covariance,
                      const Eigen::VectorXd& scales);
  void Factorize();
  void ForgetDerivatives();
  void FactorizeDerivatives();
  Eigen::VectorXd DerivativePrior() const;
  // The targets less the mean, values then derivatives, [known_].
  Eigen::VectorXd Residual() const;

  // k of the first `rows` rows and those of `z`, whatever they observe.
  Eigen::MatrixXd Cross(int rows, const Kernel::Rows& z) const;
  struct Slopes : Kernel::Slopes {
    Eigen::MatrixXd turn;  // [m, .], see DerivativeSlopes.
  };
  Slopes CrossSlopes(int rows, const Kernel::Rows& z) const;
  // d/dz sum_i factors_i k(row i, z) over the first factors.size() rows, where
  // z is row j of what `k` was made for.
  Eigen::VectorXd GradientOf(const Slopes& k, Eigen::Index j,
                             const Eigen::VectorXd& z,
                             const Eigen::VectorXd& factors) const;

  // From v = L^-1 k(X, z); then from k with K^-1 k in the place of its values:
  // of the observed rows by themselves, and of the pending ones given these.
  void SetVariances(const Eigen::MatrixXd& v, Posterior& posterior) const;
  void SetGradients(const Kernel::Rows& z, const Slopes& k,
                    PosteriorWithGradients& posterior) const;
  void SetPendingGradients(const Kernel::Rows& z, const Slopes& k,
                           PosteriorWithGradients& posterior) const;

  Features features_;
  Hyperparameters hyperparameters_;
  Kernel kernel_;

  // Capacity may exceed the rows in use: those of the values, of the
  // derivatives, then the pending ones.
  int observed_ = 0;  // Values.
  int known_ = 0;     // Values and derivatives.
  int rows_ = 0;
  Eigen::MatrixXd x_;       // [capacity, features.size()]
  Eigen::VectorXd noise_;   // [capacity], variances.
  Eigen::MatrixXd factor_;  // [capacity, capacity], L in the lower triangle.
  // [capacity, pending]: K^-1 k(X, pending row) over the known rows.
  Eigen::MatrixXd pending_weights_;
  Eigen::VectorXd y_;  // [observed_]
  Derivatives derivatives_;
  std::shared_ptr<const MeanFunction> mean_;  // nullptr: zero.
  Eigen::VectorXd prior_;                     // [observed_], of `mean_`.
  Eigen::VectorXd derivative_prior_;          // [derivatives_.size()], too.
  Eigen::VectorXd alpha_;                     // [known_]
};

}  // namespace assay
