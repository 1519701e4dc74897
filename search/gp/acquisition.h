#pragma once

#include <vector>

#include "absl/types/span.h"

namespace assay {

// What a model says of one point, noise left out; or the derivatives of
// something by these numbers.
struct Belief {
  double mean = 0;
  double deviation = 0;      // From the observed trials.
  double deviation_all = 0;  // From the observed and the pending trials.
};

// How much a point is worth trying, and the derivatives by the beliefs. The
// chain rule through the models is left to who has them.
struct Score {
  double value = 0;
  std::vector<Belief> slopes;  // One for each model.
};

// An acquisition function, of what the models (of each objective, then of each
// constraint) believe about one point. Larger is better for all objectives.
class Acquisition {
 public:
  virtual ~Acquisition() = default;

  // REQUIRES: as many beliefs as it was made for, deviations > 0.
  virtual Score Evaluate(absl::Span<const Belief> beliefs) const = 0;
};

}  // namespace assay
