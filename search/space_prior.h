#pragma once

#include <vector>

#include "absl/types/span.h"
#include "search/prior_density.h"
#include "search/search_space.h"

namespace assay {

// What a user believes about the best configuration: the product of its active
// parameters' densities. Points are [encoded_size], as SearchSpace::Encode()
// gives them: NaN where a parameter is inactive, which then says nothing.
class SpacePrior {
 public:
  explicit SpacePrior(const SearchSpace& space);

  // No parameter has a prior.
  bool IsUniform() const { return is_uniform_; }

  const PriorDensity& of(int parameter) const { return densities_[parameter]; }

  double LogDensity(absl::Span<const double> point) const;

  // The derivative of LogDensity() by parameter `i`; 0 where it is inactive.
  double LogSlope(int i, double u) const;

  // Makes a uniform point of the unit cube one of the prior, coordinate by
  // coordinate: even points stay even.
  std::vector<double> FromUniform(std::vector<double> point) const;

 private:
  std::vector<PriorDensity> densities_;
  bool is_uniform_ = true;
};

}  // namespace assay
