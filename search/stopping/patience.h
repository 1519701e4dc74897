#pragma once

#include <optional>
#include <string>

#include "search/early_stopping_rule.h"
#include "search/stopping/curve.h"
#include "search/study.h"

namespace assay {

// A trial stops once `patience_steps` steps went by in which its metric did not
// become better than it last was by more than `min_delta`. With
// `interval_steps` above 1 it is judged at its first step at or after each
// multiple of it. NaN is no improvement. Other trials do not matter.
class PatienceRule final : public EarlyStoppingRule {
 public:
  explicit PatienceRule(const StudySpec& spec);

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  const StoppingSpec spec_;
  RunningCurves running_;
};

}  // namespace assay
