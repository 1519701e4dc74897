#pragma once

#include <vector>

#include <Eigen/Core>

namespace assay {

// From the values of a metric to what the model is trained on. Values are to be
// maximised: the caller turns the sign of minimised ones. Anything that is not
// finite counts as failed; beyond +-1e150 counts as +-1e150.
//
//   kStandardize:  subtract the mean, divide by the deviation.
//   kHalfRankLog:  values below the median m become m + s * quantile of their
//                  rank, where s is the deviation of the upper half from m;
//                  then t = 1/2 - log(1 + z/2) / log(3/2), z = (max - y) / (max
//                  - min), which spreads the best; then kStandardize. (The
//                  output warping of Vizier, Song et al. 2024.)
//
// Then a failed value becomes min - (range / 2 + 1), and all are shifted so
// that the mean, weighted by how often a trial succeeds, is 0. All values equal
// gives zeros, all failed -1. Fewer than 4 values are always standardized.
//
// The map of a single value, Forward(), rises strictly and has an inverse: on
// what was fitted it is the table above; below the median it is linear between
// neighbours; beyond both ends it goes on.
class OutputTransform {
 public:
  enum class Kind { kStandardize, kHalfRankLog };

  // `values` is [n].
  OutputTransform(Kind kind, const Eigen::VectorXd& values);

  // What is done: kStandardize for fewer than 4 values, whatever was asked.
  Kind kind() const { return kind_; }

  // [n]: of the values it was made from, failed ones included.
  const Eigen::VectorXd& targets() const { return targets_; }
  bool failed(int i) const { return failed_[i]; }
  int successes() const { return successes_; }

  // REQUIRES: finite arguments.
  double Forward(double value) const;
  double Inverse(double target) const;

  // d target / d value, > 0. Below the median the table has steps: there it is
  // the slope over the nearest sqrt(n) knots, half on either side, less the
  // bias of spacings (exp(digamma(m)) / m for m of them).
  double Slope(double value) const;

  // It counts by its rank alone: below the median of kHalfRankLog.
  bool IsRanked(double value) const;

  // log Slope() of each value it was made from, [n]; 0 for failed ones: turns
  // log densities of targets into ones of values, which compare.
  Eigen::VectorXd LogSlopes() const;

 private:
  // The parts, in order: half-rank with its table, the logarithm, standardize,
  // failures.
  void SetTable(const std::vector<double>& rising);
  void SetScale(const std::vector<double>& rising);
  void SetFailures(double least, double range);
  double Rank(double value) const;
  double RankInverse(double ranked) const;
  double RankSlope(double value) const;
  double Log(double ranked) const;
  double LogInverse(double logged) const;
  double LogSlope(double ranked) const;

  Kind kind_;
  Eigen::VectorXd values_;
  Eigen::VectorXd targets_;
  std::vector<bool> failed_;
  int successes_ = 0;
  // Knots up to the median, rising; above the median nothing changes.
  std::vector<double> from_, to_;
  double max_ = 0, range_ = 1;       // After half-rank.
  double mean_ = 0, deviation_ = 1;  // After the logarithm.
  double shift_ = 0;
};

}  // namespace assay
