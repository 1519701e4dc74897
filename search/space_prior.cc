#include "search/space_prior.h"

#include <cmath>

namespace assay {

SpacePrior::SpacePrior(const SearchSpace& space) {
  for (const Parameter& parameter : space.parameters()) {
    is_uniform_ &= densities_.emplace_back(parameter).IsUniform();
  }
}

double SpacePrior::LogDensity(absl::Span<const double> point) const {
  double sum = 0;
  for (size_t i = 0; i < densities_.size(); ++i) {
    if (!std::isnan(point[i])) sum += densities_[i].LogDensity(point[i]);
  }
  return sum;
}

double SpacePrior::LogSlope(int i, double u) const {
  return std::isnan(u) ? 0 : densities_[i].LogSlope(u);
}

std::vector<double> SpacePrior::FromUniform(std::vector<double> point) const {
  if (is_uniform_) return point;
  for (size_t i = 0; i < densities_.size(); ++i) {
    point[i] = densities_[i].Quantile(point[i]);
  }
  return point;
}

}  // namespace assay
