#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace assay {

// What other trials are taken with at a step: the mean of their values up to
// there, the best of them, or the last of them.
enum class Against { kMean = 1, kBest = 2, kLatest = 3 };

// One early-stopping rule with its options. In brackets who looks at an option;
// "judging" are curve, median, patience, percentile and threshold. The rules
// themselves: search/stopping.
struct RuleSpec {
  std::string name = {};  // As EarlyStoppingRuleNames() has it.
  // The metric that is looked at. Empty: asha, median and percentile look at
  // all objectives and bounds, the others at the first objective.
  std::string metric = {};
  // [all but wilcoxon] Of the metric: each value is this share of the average
  // so far and the rest of what was reported. In [0, 1).
  double smoothing = 0;

  int64_t warmup_steps = 0;    // [judging] Never before this step.
  int64_t grace_steps = 0;     // [judging] Nor so soon after the run's first.
  int64_t interval_steps = 1;  // [judging] Looked at every so many steps.
  // [median, percentile] Finished trials with this step, at least. [curve]
  // COMPLETED ones.
  int32_t min_trials = 5;

  double percent = 25;               // [percentile] The best so many go on.
  Against against = Against::kMean;  // [percentile]

  std::optional<double> lower = {};         // [threshold]
  std::optional<double> upper = {};         // [threshold]
  std::optional<double> best_factor = {};   // [threshold] Above 1.
  std::optional<double> first_factor = {};  // [threshold] Above 1.

  int64_t patience_steps = 10;  // [patience] Steps without improvement.
  double min_delta = 0;         // [patience] What counts as improvement.

  int32_t min_pairs = 4;  // [wilcoxon] Instances that both measured.
  double p = 0.1;         // [wilcoxon] Stops below. In (0, 0.5].

  double chance = 0.01;  // [curve] Stops below. In (0, 0.5].

  int64_t min_steps = 1;  // [asha] The first rung.
  // [curve] Where a trial ends: needed. [asha] Where the rungs end; 0: nowhere.
  int64_t max_steps = 0;
  int32_t reduction = 3;  // [asha] The best 1/reduction of a rung go on.
};

// When a running trial is not worth going on with: as soon as any rule says so.
struct StoppingSpec {
  std::vector<RuleSpec> rules = {};

  bool empty() const { return rules.empty(); }
};

}  // namespace assay
