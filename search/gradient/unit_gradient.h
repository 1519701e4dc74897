#pragma once

#include <map>
#include <string>
#include <vector>

#include "search/parameter.h"
#include "search/search_space.h"

namespace assay {

// Derivatives by the coordinates of SearchSpace::Encode().
struct UnitGradient {
  // [encoded_size]; NaN where nothing was said, the parameter is inactive or is
  // not continuous.
  std::vector<double> values;
  // [encoded_size], standard deviations of these, >= 0; NaN where not said.
  std::vector<double> deviations;

  // Some value is known.
  bool Any() const;
};

// Derivatives by parameters in natural units, and deviations of some, to the
// unit cube: d f / d u = d f / d theta * d theta / d u at these parameters.
// Names that are not of the space are left out.
// REQUIRES: space.Check(parameters).ok().
UnitGradient ToUnitGradient(const SearchSpace& space,
                            const Parameters& parameters,
                            const std::map<std::string, double>& gradient,
                            const std::map<std::string, double>& deviations);

}  // namespace assay
