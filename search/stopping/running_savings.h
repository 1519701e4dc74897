#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "search/early_stopping_rule.h"
#include "search/stopping/recorded_trial.h"
#include "search/stopping/savings_tally.h"
#include "search/study.h"

namespace assay {

// What SavingsOf() says of the trials that have ended, kept up with the log of
// a study while it runs. Costs what the rule costs; holds the times of the
// reports of running trials, and of the others what SavingsTally keeps.
class RunningSavings {
 public:
  // InvalidArgument as MakeEarlyStoppingRule().
  static absl::StatusOr<std::unique_ptr<RunningSavings>> Create(
      const StudySpec& study);

  // In the order of the log.
  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement);
  // A trial that waits or runs; any number of times.
  void ObserveUnfinished(const Trial& trial);
  // Any number of times: the first counts.
  void ObserveEnd(const Trial& trial);

  // Without `loss`.
  Savings savings() const { return tally_.savings(); }

 private:
  struct Running {
    std::vector<RecordedTrial::Report> reports;  // Without metrics.
    bool by_rule = false;  // It had a reason at one of them.
  };

  RunningSavings(const StudySpec& study,
                 std::unique_ptr<EarlyStoppingRule> rule)
      : rule_(std::move(rule)), tally_(study) {}

  const std::unique_ptr<EarlyStoppingRule> rule_;  // May be null.
  SavingsTally tally_;
  absl::flat_hash_map<TrialId, Running> running_;
  absl::flat_hash_set<TrialId> ended_;
};

}  // namespace assay
