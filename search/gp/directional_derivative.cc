#include "search/gp/directional_derivative.h"

#include <algorithm>
#include <cmath>

namespace assay {

// Numbers are divided by the largest value first: their squares are numbers.
std::optional<DirectionalDerivative> AlongItself(const UnitGradient& gradient) {
  const auto size = static_cast<Eigen::Index>(gradient.values.size());
  double unit = 0;
  for (const double value : gradient.values) {
    if (std::isfinite(value)) unit = std::max(unit, std::fabs(value));
  }
  if (!(unit > 0)) return std::nullopt;
  Eigen::VectorXd shrunk = Eigen::VectorXd::Zero(size);
  Eigen::VectorXd variances = Eigen::VectorXd::Zero(size);
  double product = 0, bias = 0;
  for (Eigen::Index j = 0; j < size; ++j) {
    const double g = gradient.values[j] / unit;
    if (!std::isfinite(g) || g == 0) continue;
    const double s = gradient.deviations[j] / unit;
    variances[j] = std::isnan(s) ? 0 : s * s;
    if (std::isinf(variances[j])) continue;
    const double share = g * g / (g * g + variances[j]);
    shrunk[j] = g * share;
    product += g * shrunk[j];
    bias += variances[j] * share * (3 - 2 * share);  // dh / dg
  }
  const double length = shrunk.norm();
  if (!(length > 0) || !(product > bias)) return std::nullopt;
  DirectionalDerivative along{.direction = shrunk / length};
  for (Eigen::Index j = 0; j < size; ++j) {
    if (shrunk[j] == 0) continue;
    along.variance += std::pow(along.direction[j] * unit, 2) * variances[j];
  }
  along.value = unit * (product - bias) / length;
  return along;
}

}  // namespace assay
