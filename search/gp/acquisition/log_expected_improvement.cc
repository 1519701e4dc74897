#include "search/gp/acquisition/log_expected_improvement.h"

#include <cmath>

#include "search/math/normal.h"

namespace assay {

// EI = s h(z), z = (mean - incumbent) / s; d log h / dz = Phi / h.
Score LogExpectedImprovement::Evaluate(absl::Span<const Belief> beliefs) const {
  const double s = beliefs[0].deviation_all;
  const double z = (beliefs[0].mean - incumbent_) / s;
  const double slope = LogImprovementSlope(z);
  Score score;
  score.value = std::log(s) + LogImprovement(z);
  score.slopes.resize(beliefs.size());
  score.slopes[0] = {.mean = slope / s, .deviation_all = (1 - z * slope) / s};
  return score;
}

}  // namespace assay
