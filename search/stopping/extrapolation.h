#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace assay {

// Where a falling curve is going. Costs are modelled as
//
//   y(t) = c + a phi(t) + noise,  phi(t) = t^-b or exp(-t / tau),
//
// with phi moved and scaled to 1 at the first step and 0 at the horizon, so
// that c is the cost there. For each of some b and tau, c and a are a Bayesian
// linear regression with flat priors (c: Student's t around the least squares),
// and the shapes are weighed by their marginal likelihoods, both families
// alike: exact where a Laplace approximation would take b to be normal, which a
// short curve does not make it. The noise is what the residuals show, at least
// 1 % of the curve's range. Families and purpose: Domhan et al. 2015, "Speeding
// up automatic hyperparameter optimization of deep neural networks by
// extrapolation of learning curves".
class Extrapolation {
 public:
  static constexpr size_t kMinPoints = 8;

  struct Point {
    int64_t step;
    double cost;
  };

  // Looks at the last three quarters of the points with a finite cost and a
  // step above 0. nullopt for fewer than kMinPoints of these, or if the horizon
  // is not beyond the last. `points` by rising step.
  static std::optional<Extrapolation> Of(absl::Span<const Point> points,
                                         int64_t horizon);

  // Of one measurement at the horizon, its noise included.
  double mean() const { return mean_; }
  double deviation() const { return deviation_; }

  // The chance that it is below `cost`.
  double ChanceBelow(double cost) const;

 private:
  // A shape's part of the mixture: Student's t.
  struct Part {
    double weight = 0;
    double center = 0;
    double scale = 0;
  };

  double degrees_ = 0;  // Of freedom.
  std::vector<Part> parts_;
  double mean_ = 0;
  double deviation_ = 0;
};

}  // namespace assay
