#pragma once

#include <vector>

#include "search/gradient/unit_gradient.h"

namespace assay {

// Steps of ascent in the unit cube: Adam (Kingma & Ba 2015) with the averages
// of few and noisy gradients, beta1 = 0.5 and beta2 = 0.9. Its first moment
// takes each derivative g with deviation s as (1 - s^2 / g^2) g, or 0 below
// that: what is said with much noise moves little, and below a signal-to-noise
// ratio of 1 nothing. The second moment takes g as it is.
class Adam {
 public:
  // Of so many coordinates.
  explicit Adam(int size);

  // Learns a gradient, larger is better, and returns the step, [size]: each
  // coordinate is at most 2 `rate`, 0 where nothing is known.
  std::vector<double> Step(const UnitGradient& gradient, double rate);

 private:
  std::vector<double> mean_;
  std::vector<double> square_;
  int count_ = 0;
};

}  // namespace assay
