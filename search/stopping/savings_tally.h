#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "search/stopping/recorded_trial.h"
#include "search/stopping/savings.h"
#include "search/study.h"

namespace assay {

// Adds up what the trials of a study were spared, one trial after the other, in
// any order. Keeps a few numbers for each step at which trials were stopped,
// and for each configuration that the schedule left.
class SavingsTally {
 public:
  explicit SavingsTally(const StudySpec& study);

  // Once for each trial, with all that it reported. `by_rule`: the study's rule
  // had a reason to stop it.
  void Add(const RecordedTrial& recorded, bool by_rule);

  // A trial goes on from this one, added or not: the schedule spares it
  // nothing. Add() says so itself of the trial that another one continues.
  void Continue(TrialId trial);

  // Without `loss`.
  Savings savings() const;

 private:
  // Trials that the rule stopped at one step.
  struct Stops {
    int64_t trials = 0;  // With a known pace.
    double paces = 0;    // Their sum: seconds a step.
  };
  // A configuration's last run.
  struct Left {
    int64_t step = 0;
    std::optional<double> pace;
  };

  void AddLeft(Savings& savings) const;

  const bool leaves_;  // The schedule trains some to less than others.
  const int64_t spec_max_steps_;  // Of rule and schedule; 0: neither says.
  int64_t longest_ = 0;           // Step of a COMPLETED trial.
  Savings sums_;  // `stopped`, `reload_seconds`, `spent_seconds`.
  std::map<int64_t, Stops> stops_;
  absl::flat_hash_map<TrialId, Left> left_;
  absl::flat_hash_set<TrialId> continued_;
};

}  // namespace assay
