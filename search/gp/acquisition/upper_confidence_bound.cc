#include "search/gp/acquisition/upper_confidence_bound.h"

namespace assay {

Score UpperConfidenceBound::Evaluate(absl::Span<const Belief> beliefs) const {
  Score score;
  score.value = beliefs[0].mean + coefficient_ * beliefs[0].deviation_all;
  score.slopes.resize(beliefs.size());
  score.slopes[0] = {.mean = 1, .deviation_all = coefficient_};
  return score;
}

}  // namespace assay
