#include "search/gp/acquisition/pure_exploration.h"

namespace assay {
namespace {

constexpr double kPenalty = 10;
constexpr double kCoefficient = 0.5;

}  // namespace

Score PureExploration::Evaluate(absl::Span<const Belief> beliefs) const {
  const Belief& belief = beliefs[0];
  const double above =
      belief.mean + kCoefficient * belief.deviation - threshold_;
  Score score;
  score.value = belief.deviation_all;
  score.slopes.resize(beliefs.size());
  score.slopes[0].deviation_all = 1;
  if (above >= 0) return score;
  score.value += kPenalty * above;
  score.slopes[0].mean = kPenalty;
  score.slopes[0].deviation = kPenalty * kCoefficient;
  return score;
}

}  // namespace assay
