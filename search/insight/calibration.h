#pragma once

#include <vector>

#include <Eigen/Core>

namespace assay {

// How far observations lie from what a model said of them, in the deviations
// that it gave: a symmetric distribution around 0, learned from the model's
// leave-one-out errors. Models tend to be too sure after few trials, and their
// errors have heavier tails than a normal distribution.
//
// The distribution of |z| is that of the n errors and of kPrior quantiles of a
// standard normal |z|, which is what holds before there are errors: with m = n
// + kPrior sorted numbers a_1 <= ... <= a_m, P(|z| <= a_j) = j / (m + 1), which
// is exact for one more draw of the same distribution (split conformal
// prediction, Lei et al. 2018), linear in between and from 0, and beyond a_m as
// a normal distribution through it.
//
// On the 15 tables of tests/bench/search ("calibration", random trials, 20
// seeds) intervals of 50 % and 90 % hold 48.8 and 88.5 % of left-out trials at
// n = 30, 50.0 and 89.4 % at n = 100; of new configurations 49.6 and 88.8
// %, 50.5 and 90.2 %. Without it they hold 43.4 and 80.3 %, 49.8 and 85.3 % of
// left-out trials.
class Calibration {
 public:
  static constexpr int kPrior = 6;

  // `z` is [n], n may be 0: (observed - predicted) / deviation. Finite.
  explicit Calibration(const Eigen::VectorXd& z);

  // The interval from -Width(share) to Width(share) holds that share of them.
  // REQUIRES: 0 <= share < 1.
  double Width(double share) const;

  // The same learned from all errors but the i-th: what an interval for that
  // observation may honestly use.
  double WidthWithout(int i, double share) const;

  // P(z' <= z).
  double Cdf(double z) const;

 private:
  std::vector<double> errors_;  // |z|, in the order given.
  std::vector<double> sorted_;  // With the prior's, rising.
};

}  // namespace assay
