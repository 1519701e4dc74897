#include "search/schedules/explore.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>
#include <vector>

#include "search/domain.h"
#include "search/space_prior.h"

namespace assay {
namespace {

constexpr int kTries = 100;
constexpr double kFactor = 0.2;
constexpr double kShare = 0.1;

double MinOf(const Domain& domain) {
  if (const auto* range = std::get_if<DoubleDomain>(&domain)) return range->min;
  if (const auto* range = std::get_if<IntegerDomain>(&domain)) {
    return static_cast<double>(range->min);
  }
  return 0;
}

double MaxOf(const Domain& domain) {
  if (const auto* range = std::get_if<DoubleDomain>(&domain)) return range->max;
  if (const auto* range = std::get_if<IntegerDomain>(&domain)) {
    return static_cast<double>(range->max);
  }
  return 0;
}

// How far a number moves, in its own unit.
double MoveOf(const Domain& domain, double value) {
  if (MinOf(domain) > 0) return kFactor * value;
  return kShare * (MaxOf(domain) - MinOf(domain));
}

double StepOf(const Domain& domain) {
  return *AsNumber(LevelValue(domain, 1)) - *AsNumber(LevelValue(domain, 0));
}

// The value `sign` times a move away, in the unit cube.
double Moved(const Domain& domain, const ParameterValue& value, int sign) {
  const double number = AsNumber(value).value_or(0);
  const std::optional<int64_t> levels = Levels(domain);
  if (!levels) {
    const double moved = number + sign * MoveOf(domain, number);
    return ToUnit(domain, std::clamp(moved, MinOf(domain), MaxOf(domain)));
  }
  if (*levels == 1) return ToUnit(domain, value);
  int64_t move = 1;
  if (!std::holds_alternative<DiscreteDomain>(domain)) {
    const double steps = MoveOf(domain, number) / StepOf(domain);
    move = std::max<int64_t>(1, std::llround(steps));
  }
  const int64_t level = std::clamp<int64_t>(
      *LevelOf(domain, value) + sign * move, 0, *levels - 1);
  return ToUnit(domain, LevelValue(domain, level));
}

std::vector<double> DrawPoint(const SearchSpace& space, Random& random) {
  std::vector<double> point(space.encoded_size());
  for (double& u : point) u = random.Uniform();
  return SpacePrior(space).FromUniform(std::move(point));
}

Parameters ExploreOnce(const SearchSpace& space, const Parameters& parameters,
                       double resample, Random& random) {
  std::vector<double> point = space.Encode(parameters);
  const std::vector<double> drawn = DrawPoint(space, random);
  for (int i = 0; i < space.encoded_size(); ++i) {
    const Parameter& parameter = space.parameters()[i];
    const bool anew = random.Uniform() < resample;
    const int sign = random.Below(2) == 0 ? 1 : -1;
    if (std::isnan(point[i]) || anew) {
      point[i] = drawn[i];
    } else if (!std::holds_alternative<CategoricalDomain>(parameter.domain)) {
      point[i] = Moved(parameter.domain, parameters.at(parameter.name), sign);
    }
  }
  return space.Decode(point);
}

}  // namespace

Parameters Explore(const SearchSpace& space, const Parameters& parameters,
                   double resample, Random& random) {
  Parameters explored;
  for (int i = 0; i < kTries; ++i) {
    explored = ExploreOnce(space, parameters, resample, random);
    if (space.Satisfies(explored)) return explored;
  }
  return parameters;
}

}  // namespace assay
