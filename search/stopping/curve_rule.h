#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "search/early_stopping_rule.h"
#include "search/stopping/running_curves.h"
#include "search/study.h"

namespace assay {

// A trial stops if its curve is going nowhere: the chance that it is better
// than the best COMPLETED trial at `max_steps` is below `chance`, by
// extrapolation (see Extrapolation). It is judged at JudgedPoint(), from its
// eighth value on, once `min_trials` trials COMPLETED; never while its best
// value so far is as good as the best trial's. Only trials that keep all bounds
// are the best one, unless the rule names a metric.
//
// A question costs some 7 us at 27 points.
class CurveRule final : public EarlyStoppingRule {
 public:
  CurveRule(const StudySpec& study, RuleSpec rule);

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  const RuleSpec rule_;
  const StudySpec study_;
  RunningCurves running_;
  int64_t completed_ = 0;
  std::optional<double> best_;  // Cost.
};

}  // namespace assay
