#pragma once

#include <vector>

#include <Eigen/Core>

namespace assay {

// From the values of a metric to what the model is trained on. Values are to be
// maximised: the caller turns the sign of minimised ones. Anything that is not
// finite counts as failed.
//
//   kStandardize:  subtract the mean, divide by the deviation.
//   kHalfRankLog:  values below the median m become m + s * quantile of their
//                  rank, where s is the deviation of the upper half; then
//                  t = 1/2 - log(1 + z/2) / log(3/2), z = (max - y) / (max -
//                  min), which spreads the best; then kStandardize. (The output
//                  warping of Vizier, Song et al. 2024.)
// Then a failed value becomes min - (range / 2 + 1), and all are shifted so
// that the mean, weighted by how often a trial succeeds, is 0. All values equal
// gives zeros, all failed -1. Fewer than 4 values are always standardized.
//
// The map of a single value, Forward(), rises strictly and has an inverse: on
// what was fitted it is the table above, between neighbours it is linear below
// the median, beyond both ends it goes on straight.
class OutputTransform {
 public:
  enum class Kind { kStandardize, kHalfRankLog };

  OutputTransform(Kind kind, const Eigen::VectorXd& values);

  Kind kind() const { return kind_; }

  // [n]: of the values it was made from, failed ones included.
  const Eigen::VectorXd& targets() const { return targets_; }
  bool failed(int i) const { return failed_[i]; }
  int failures() const;

  // REQUIRES: value is finite and not all values were equal or failed (then
  // both return their argument, less what was common).
  double Forward(double value) const;
  double Inverse(double target) const;

  // d target / d value, > 0. For a value below the median (kHalfRankLog), the
  // slope of a line through some neighbours, without the bias of spacings.
  double Slope(double value) const;

  // log Slope() of each value it was made from, [n]; 0 for failed ones: what
  // makes log densities of different transforms comparable.
  Eigen::VectorXd LogSlopes() const;

 private:
  // Half-rank, and its inverse: piecewise linear through (from_, to_).
  double Rank(double value) const;
  double RankInverse(double ranked) const;

  Kind kind_;
  Eigen::VectorXd targets_;
  std::vector<bool> failed_;
  // Knots up to the median, both rising; above, to = from.
  std::vector<double> from_, to_;
  double max_ = 0, range_ = 0;       // After half-rank.
  double mean_ = 0, deviation_ = 1;  // After the logarithm.
  double shift_ = 0;                 // Last, for failures.
};

}  // namespace assay
