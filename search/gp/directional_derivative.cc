#include "search/gp/directional_derivative.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace assay {

namespace {

double LargestIn(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

}  // namespace

// Numbers are divided by the largest value first: their squares are numbers.
std::optional<DirectionalDerivative> AlongItself(const UnitGradient& gradient) {
  const double unit = LargestIn(gradient.values);
  if (!(unit > 0)) return std::nullopt;
  const auto size = static_cast<Eigen::Index>(gradient.values.size());
  Eigen::VectorXd shrunk = Eigen::VectorXd::Zero(size);
  Eigen::VectorXd variances = shrunk, slopes = shrunk;
  double product = 0;
  for (Eigen::Index j = 0; j < size; ++j) {
    const double g = gradient.values[j] / unit;
    const double s = gradient.deviations[j] / unit;
    if (!std::isfinite(g) || g == 0 || std::isinf(s * s)) continue;
    variances[j] = std::isnan(s) ? 0 : s * s;
    const double share = g * g / (g * g + variances[j]);
    shrunk[j] = g * share;
    slopes[j] = share * (3 - 2 * share);  // dh / dg
    product += g * shrunk[j];
  }
  const double length = shrunk.norm();
  if (!(length > 0)) return std::nullopt;
  const Eigen::VectorXd direction = shrunk / length;
  const Eigen::ArrayXd squares = direction.array().square();
  const double bias =
      (variances.array() * slopes.array() * (1 - squares)).sum();
  if (!(product > bias)) return std::nullopt;
  return DirectionalDerivative{
      .direction = direction,
      .value = unit * (product - bias) / length,
      .variance = unit * unit * (squares * variances.array()).sum()};
}

}  // namespace assay
