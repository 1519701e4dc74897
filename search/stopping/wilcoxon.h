#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "search/early_stopping_rule.h"
#include "search/stopping/watched.h"
#include "search/study.h"

namespace assay {

// For trials that measure one configuration on several instances (folds, seeds,
// data sets): a trial stops if the one-sided signed-rank test (SignedRankP())
// against the best trial, on the instances that both have measured, says that
// it is worse: p below `p`, at least `min_pairs` instances, and a worse mean
// over them. As Optuna's Wilcoxon pruner, but never by step: what names no
// instance is not looked at.
//
// The best trial is the one that COMPLETED, measured instances, keeps all
// bounds (unless the rule names a metric) and has the best value. NaN is worse
// than any number.
class WilcoxonRule final : public EarlyStoppingRule {
 public:
  WilcoxonRule(const StudySpec& study, RuleSpec rule);

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  using Costs = std::map<int64_t, double>;  // By instance.
  struct Run {
    int32_t attempt = 0;
    Costs costs;
  };
  struct Best {
    int64_t number = 0;
    double cost = 0;
    Costs costs;
  };

  const RuleSpec rule_;
  const StudySpec study_;
  const Watched watched_;
  absl::flat_hash_map<TrialId, Run> running_;
  std::optional<Best> best_;
};

}  // namespace assay
