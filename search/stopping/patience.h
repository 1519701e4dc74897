#pragma once

#include <optional>
#include <string>

#include "search/early_stopping_rule.h"
#include "search/stopping/running_curves.h"
#include "search/study.h"

namespace assay {

// A trial stops once `patience_steps` steps went by in which its metric did not
// become better than it last was by more than `min_delta`. It is judged at
// JudgedPoint(). NaN is no improvement. Other trials do not matter.
class PatienceRule final : public EarlyStoppingRule {
 public:
  PatienceRule(const StudySpec& study, RuleSpec rule);

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  const RuleSpec rule_;
  RunningCurves running_;
};

}  // namespace assay
