#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "search/early_stopping_rule.h"
#include "search/stopping/rank_table.h"
#include "search/stopping/running_curves.h"
#include "search/stopping/step_standing.h"
#include "search/study.h"

namespace assay {

// Asynchronous successive halving in its stopping form (Li et al. 2020, "A
// system for massively parallel hyperparameter tuning", section 3.3; the
// stopping form as in Ray Tune and Syne Tune). A trial enters a rung at its
// first report with that step or a later one, with that report's value. It goes
// on if it is among the best 1/reduction of all that entered so far, itself
// included: n entries, at most floor(n / reduction) - 1 of them better; ties go
// on; while n < reduction all go on. It is judged once a rung, when it enters,
// and what was said then stands until it enters the next. Nothing is judged at
// `max_steps`, where a trial ends by itself.
//
// NaN counts as worst, and so does each entry of a trial that FAILED or was
// INFEASIBLE. What is better with several objectives or bounds: RankTable.
// Costs of a report: those of RankTable with all trials of the rung.
class AshaRule final : public EarlyStoppingRule {
 public:
  AshaRule(const StudySpec& study, RuleSpec rule);

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  struct Entry {
    int64_t step = 0;
    StepStanding standing;
    size_t ahead = 0;    // Of it in the rung when it entered,
    size_t entries = 0;  // of so many.
  };
  using Entries = std::vector<Entry>;  // [rungs entered]

  void Enter(const TrialCurves& run, size_t rung, Entries& entries);
  void Leave(Entries& entries, size_t first_rung);
  bool GoesOn(const Entry& entry) const;

  const RuleSpec rule_;
  const std::vector<int64_t> rungs_;  // At which trials are judged.
  RunningCurves running_;
  size_t objectives_ = 0;
  std::vector<RankTable> tables_;                  // [rungs]
  absl::flat_hash_map<TrialId, Entries> entries_;  // Of running trials.
};

}  // namespace assay
