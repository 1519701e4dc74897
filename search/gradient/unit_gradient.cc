#include "search/gradient/unit_gradient.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "search/domain.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double FiniteIn(const std::map<std::string, double>& numbers,
                const std::string& name) {
  const auto it = numbers.find(name);
  return it == numbers.end() || !std::isfinite(it->second) ? kNaN : it->second;
}

// d value / d coordinate; NaN: it has none.
double SlopeAt(const Parameter& parameter, const Parameters& parameters) {
  const auto it = parameters.find(parameter.name);
  if (it == parameters.end()) return kNaN;
  return UnitSlope(parameter.domain, it->second).value_or(kNaN);
}

}  // namespace

bool UnitGradient::Any() const {
  return std::any_of(values.begin(), values.end(),
                     [](double value) { return !std::isnan(value); });
}

UnitGradient ToUnitGradient(const SearchSpace& space,
                            const Parameters& parameters,
                            const std::map<std::string, double>& gradient,
                            const std::map<std::string, double>& deviations) {
  UnitGradient unit;
  for (const Parameter& parameter : space.parameters()) {
    const double slope = SlopeAt(parameter, parameters);
    unit.values.push_back(slope * FiniteIn(gradient, parameter.name));
    unit.deviations.push_back(slope *
                              std::fabs(FiniteIn(deviations, parameter.name)));
  }
  return unit;
}

}  // namespace assay
