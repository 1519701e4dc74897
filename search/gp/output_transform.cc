#include "search/gp/output_transform.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "search/math/normal.h"

namespace assay {
namespace {

constexpr int kLeastToRank = 4;
constexpr double kLargest = 1e150;  // Its square is a number.
const double kLogBase = std::log(1.5);

// Linear through (x[i], y[i]), rising; beyond the ends as in the first and last
// interval. REQUIRES: two knots or more.
double Interpolate(const std::vector<double>& x, const std::vector<double>& y,
                   double at) {
  const auto above = std::upper_bound(x.begin() + 1, x.end() - 1, at);
  const size_t i = above - x.begin();
  const double weight = (at - x[i - 1]) / (x[i] - x[i - 1]);
  return y[i - 1] + weight * (y[i] - y[i - 1]);
}

double RootMeanSquare(const std::vector<double>& values) {
  const Eigen::Map<const Eigen::VectorXd> all(values.data(), values.size());
  return all.stableNorm() / std::sqrt(static_cast<double>(values.size()));
}

double Median(const std::vector<double>& rising) {
  const size_t half = rising.size() / 2;
  if (rising.size() % 2 == 1) return rising[half];
  return 0.5 * rising[half - 1] + 0.5 * rising[half];
}

// The deviation of the upper half from the median; of all if that is 0.
double UpperDeviation(const std::vector<double>& unique, double median) {
  std::vector<double> upper, all;
  for (const double value : unique) {
    all.push_back(value - median);
    if (value >= median) upper.push_back(value - median);
  }
  const double deviation = RootMeanSquare(upper);
  return deviation > 0 ? deviation : RootMeanSquare(all);
}

// log(m) - digamma(m): by how much the log of a density estimated from the
// distance over m spacings is too large, on average.
double SpacingBias(size_t m) {
  double digamma = -std::numbers::egamma;
  for (size_t i = 1; i < m; ++i) digamma += 1.0 / static_cast<double>(i);
  return std::log(static_cast<double>(m)) - digamma;
}

}  // namespace

OutputTransform::OutputTransform(Kind kind, const Eigen::VectorXd& values)
    : kind_(kind),
      values_(values),
      targets_(Eigen::VectorXd::Constant(values.size(), -1)) {
  std::vector<double> rising;
  for (double& value : values_) {
    failed_.push_back(!std::isfinite(value));
    if (failed_.back()) continue;
    value = std::clamp(value, -kLargest, kLargest);
    rising.push_back(value);
  }
  successes_ = static_cast<int>(rising.size());
  if (successes_ < kLeastToRank) kind_ = Kind::kStandardize;
  if (rising.empty()) return;
  std::sort(rising.begin(), rising.end());
  if (rising.front() == rising.back()) {
    kind_ = Kind::kStandardize;
    mean_ = rising.front();
  } else {
    if (kind_ == Kind::kHalfRankLog) SetTable(rising);
    SetScale(rising);
  }
  const double least = Forward(rising.front());
  SetFailures(least, Forward(rising.back()) - least);
}

// The quantile of rank r is 0.5 (r - 0.5) / D, where the median has rank D +
// 0.5 if it is a value of its own, else D + 1.
void OutputTransform::SetTable(const std::vector<double>& rising) {
  const double median = Median(rising);
  std::vector<double> unique = rising;
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  const double deviation = UpperDeviation(unique, median);
  const auto at = std::lower_bound(unique.begin(), unique.end(), median);
  const double ranks = (at - unique.begin()) + (*at == median ? 0.5 : 0.0);
  for (auto value = unique.begin(); value != at; ++value) {
    const double rank = static_cast<double>(value - unique.begin()) + 0.5;
    from_.push_back(*value);
    to_.push_back(median + deviation * NormalQuantile(0.5 * rank / ranks));
  }
  from_.push_back(median);
  to_.push_back(median);
  max_ = rising.back();
  range_ = max_ - Rank(rising.front());
}

void OutputTransform::SetScale(const std::vector<double>& rising) {
  std::vector<double> logged;
  double sum = 0;
  for (const double value : rising) {
    logged.push_back(Log(Rank(value)));
    sum += logged.back() / successes_;
  }
  for (double& value : logged) value -= sum;
  mean_ = sum;
  deviation_ = RootMeanSquare(logged);
}

// With the successes' mean 0, p * 0 + (1 - p) * bad + shift = 0.
void OutputTransform::SetFailures(double least, double range) {
  const double count = static_cast<double>(values_.size());
  const double bad = least - (0.5 * range + 1);
  if (successes_ < values_.size()) {
    shift_ = -bad * (1 - (0.5 + successes_) / (1 + count));
  }
  for (Eigen::Index i = 0; i < values_.size(); ++i) {
    targets_[i] = failed_[i] ? bad + shift_ : Forward(values_[i]);
  }
}

double OutputTransform::Rank(double value) const {
  if (from_.size() < 2 || value >= from_.back()) return value;
  return Interpolate(from_, to_, value);
}

double OutputTransform::RankInverse(double ranked) const {
  if (from_.size() < 2 || ranked >= to_.back()) return ranked;
  return Interpolate(to_, from_, ranked);
}

double OutputTransform::RankSlope(double value) const {
  if (from_.size() < 2 || value >= from_.back()) return 1;
  const size_t last = from_.size() - 1;
  const size_t reach = std::max<size_t>(1, std::lround(0.5 * std::sqrt(last)));
  const size_t at =
      std::lower_bound(from_.begin(), from_.end(), value) - from_.begin();
  const size_t low = at > reach ? at - reach : 0;
  const size_t high = std::min(last, at + reach);
  return (to_[high] - to_[low]) / (from_[high] - from_[low]) *
         std::exp(-SpacingBias(high - low));
}

// Beyond the maximum, z < 0, it goes on as a straight line.
double OutputTransform::Log(double ranked) const {
  if (kind_ == Kind::kStandardize) return ranked;
  const double z = (max_ - ranked) / range_;
  return 0.5 - (z < 0 ? 0.5 * z : std::log1p(0.5 * z)) / kLogBase;
}

double OutputTransform::LogInverse(double logged) const {
  if (kind_ == Kind::kStandardize) return logged;
  const double log = (0.5 - logged) * kLogBase;
  return max_ - range_ * 2 * (log < 0 ? log : std::expm1(log));
}

double OutputTransform::LogSlope(double ranked) const {
  if (kind_ == Kind::kStandardize) return 1;
  const double z = std::max(0.0, (max_ - ranked) / range_);
  return 0.5 / (kLogBase * range_ * (1 + 0.5 * z));
}

double OutputTransform::Forward(double value) const {
  return (Log(Rank(value)) - mean_) / deviation_ + shift_;
}

double OutputTransform::Inverse(double target) const {
  return RankInverse(LogInverse((target - shift_) * deviation_ + mean_));
}

double OutputTransform::Slope(double value) const {
  return RankSlope(value) * LogSlope(Rank(value)) / deviation_;
}

bool OutputTransform::IsRanked(double value) const {
  return from_.size() >= 2 && value < from_.back();
}

Eigen::VectorXd OutputTransform::LogSlopes() const {
  Eigen::VectorXd slopes = Eigen::VectorXd::Zero(values_.size());
  for (Eigen::Index i = 0; i < values_.size(); ++i) {
    if (!failed_[i]) slopes[i] = std::log(Slope(values_[i]));
  }
  return slopes;
}

}  // namespace assay
