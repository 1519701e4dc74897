#pragma once

#include "search/gp/acquisition.h"

namespace assay {

// mean + coefficient * deviation_all of the first model (Srinivas et al. 2010;
// the deviation of observed and pending trials as GP-BUCB, Desautels et al.
// 2014, has it). 1.8 is Vizier's coefficient.
class UpperConfidenceBound final : public Acquisition {
 public:
  static constexpr double kCoefficient = 1.8;

  explicit UpperConfidenceBound(double coefficient = kCoefficient)
      : coefficient_(coefficient) {}

  Score Evaluate(absl::Span<const Belief> beliefs) const override;

 private:
  const double coefficient_;
};

}  // namespace assay
