#pragma once

#include <compare>

#include "search/strategies/observation.h"

namespace assay {

// How good a result is among others; smaller is better.
struct Standing {
  // Completed within the bounds; stopped early; beyond a bound; no result.
  enum class Kind { kCompleted, kStopped, kInfeasible, kFailed };

  Kind kind = Kind::kFailed;
  // kCompleted: minus the value. kStopped: minus the last step, minus the
  // value. kInfeasible: the sum of what is missed. The first objective's value.
  double first = 0;
  double second = 0;
  int order = 0;  // Earlier results go first among equals.

  auto operator<=>(const Standing&) const = default;
};

Standing StandingOf(const Observation& observation, int order);

}  // namespace assay
