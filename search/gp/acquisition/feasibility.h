#pragma once

#include <memory>
#include <vector>

#include "search/gp/acquisition.h"

namespace assay {

// What a model beyond the objectives' is about.
enum class Requirement {
  // A bound is kept where f <= 0: probability Phi(-mean / deviation).
  kBound,
  // A trial succeeds where f > 0, trained on -1 and 1 with noise of deviation
  // 1: Phi(mean / sqrt(1 + deviation^2)).
  kSuccess,
};

// The probability, and the derivatives of its logarithm by the belief.
struct LogProbability {
  double value = 0;
  Belief slopes;
};
LogProbability LogFeasibility(Requirement requirement, const Belief& belief);

// weight * objective + sum of the log probabilities of the requirements, whose
// models follow the objectives' (Gelbart et al. 2014, in logarithms).
class Feasibility final : public Acquisition {
 public:
  Feasibility(std::unique_ptr<const Acquisition> objective, double weight,
              std::vector<Requirement> requirements);

  Score Evaluate(absl::Span<const Belief> beliefs) const override;

 private:
  const std::unique_ptr<const Acquisition> objective_;
  const double weight_;
  const std::vector<Requirement> requirements_;
};

}  // namespace assay
