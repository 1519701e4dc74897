#include "search/strategies/tpe/standing.h"

#include <vector>

namespace assay {

Standing StandingOf(const Observation& observation, int order) {
  using Kind = Standing::Kind;
  if (observation.HasFailed()) return {.order = order};
  if (!observation.IsFeasible()) {
    return {Kind::kInfeasible, observation.Violation(), 0, order};
  }
  const std::vector<double>& values = observation.values;
  const double value = values.empty() ? 0 : values[0];
  if (observation.IsComplete()) return {Kind::kCompleted, -value, 0, order};
  return {Kind::kStopped, -static_cast<double>(observation.last_step), -value,
          order};
}

}  // namespace assay
