#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "search/strategies/observation.h"
#include "search/trial.h"

namespace assay {

// What configurations have shown at one number of steps, and which of them are
// worth more: the best floor(n / reduction) of the n that were measured there
// (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning",
// algorithm 2, get_job).
//
// Those that keep every bound go before the others, these by how much they
// miss; what failed or measured no number comes last and counts all the same.
// Equals in the order of their trials. With several objectives the best are
// whole fronts, of the last one those that together cover the most
// (search/strategies/tpe/front_selection.h).
class Rung {
 public:
  explicit Rung(int32_t reduction) : reduction_(reduction) {}

  // The run `observation.id` brought a configuration here. `may_go_on`: false
  // if it is compared but never promoted: it was stopped. O(log n) with one
  // objective.
  void Add(const Observation& observation, bool may_go_on);

  // The run was continued: it is not offered again.
  void MarkPromoted(TrialId run);

  // The best run that is to be continued and that is not in `promoted`, by id.
  std::optional<TrialId> Next(
      const absl::flat_hash_set<int64_t>& promoted) const;

  int size() const { return size_; }
  // How many of them are worth more.
  int top() const { return size_ / reduction_; }
  // Runs, best first, with one objective. Without those that have no value.
  std::vector<TrialId> Ranking() const;

 private:
  // Smaller is better.
  struct Standing {
    int kind = 0;  // 0: within the bounds; 1: beyond one; 2: no value.
    double missed = 0;
    double loss = 0;  // Of the first objective.
    int64_t run = 0;
    auto operator<=>(const Standing&) const = default;
  };

  void Balance();
  void Offer(const Standing& standing);
  std::vector<int64_t> OfferedByFronts() const;

  const int32_t reduction_;
  int size_ = 0;
  std::set<Standing> top_;  // None is worse than one of rest_.
  std::set<Standing> rest_;
  std::set<Standing> offered_;                   // Of top_: to be continued.
  absl::flat_hash_map<int64_t, Standing> open_;  // May go on, by run.

  // Within the bounds, if there are several objectives.
  std::vector<std::vector<double>> fronts_;
  std::vector<int64_t> front_runs_;
};

}  // namespace assay
