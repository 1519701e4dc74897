#pragma once

#include <optional>
#include <string>

#include "search/early_stopping_rule.h"
#include "search/stopping/running_curves.h"
#include "search/study.h"

namespace assay {

// A trial stops if its metric, at JudgedPoint(), is NaN or infinite, lies below
// `lower` or above `upper`, or has diverged: it is worse than `best_factor`
// times its own best value so far, or than `first_factor` times its first
// value.
//
// Times a factor f, as a cost c (the value, or its negative if it is
// maximized): f c if c is positive, c / f if it is negative. So a loss of 0.5
// diverges above 1 and an accuracy of 0.8 below 0.4 at a factor of 2. From
// exactly 0 nothing diverges. Other trials do not matter.
class ThresholdRule final : public EarlyStoppingRule {
 public:
  ThresholdRule(const StudySpec& study, RuleSpec rule);

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  // What is said after "loss 3 at step 7 is"; nullopt if all is well.
  std::optional<std::string> Fault(const Curve::Point& judged,
                                   const Curve& curve) const;

  const RuleSpec rule_;
  RunningCurves running_;
};

}  // namespace assay
