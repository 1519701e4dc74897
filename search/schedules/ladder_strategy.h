#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "search/schedules/ranking_stability.h"
#include "search/schedules/rung.h"
#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Any strategy, in a study that trains most configurations a little and the
// best of them longer. A configuration starts with a run to the first rung;
// where it is among the best 1 / reduction of a rung, a run that `continues`
// the last one takes it to the next.
//
//   asha       one ladder from min_steps to max_steps, by promotion (Li et al.
//              2020, "A System for Massively Parallel Hyperparameter Tuning"):
//              the topmost rung with somebody to promote first, a new
//              configuration if there is none. Nobody waits for a rung to fill.
//   hyperband  ladders that start at each of its rungs. A new configuration
//              joins the one that is furthest behind its share, which is that
//              of Hyperband's brackets (Li et al. 2018): ceil((s_max + 1) / (s
//              + 1) reduction^s). Each ladder promotes as asha does, where the
//              original waits for a bracket's rung to be complete.
//   pasha      asha that begins with two rungs and opens the next one only when
//              the ranking in the upper two is not the same (Bohdal et al.
//              2023, ranking_stability.h).
//
// The strategy inside proposes configurations. Runs are nothing to it: it is
// told of a configuration once its first run ended (Observe()), and each time
// that another one brought it further (ObserveLonger()); COMPLETED means that
// the run to `last_step` did. A run that failed leaves the configuration where
// it was and is never followed by another; one that was stopped counts for the
// rungs it reached and goes no further.
//
// What is proposed is a function of the log and the unfinished trials: a
// promotion costs O(log n), with several objectives what a front costs.
class LadderStrategy final : public SearchStrategy {
 public:
  // REQUIRES: CheckSchedule(*spec).
  LadderStrategy(std::unique_ptr<SearchStrategy> inner,
                 std::shared_ptr<const StudySpec> spec);

  void ObserveEarlier(const EarlierStudy& study) override {
    inner_->ObserveEarlier(study);
  }
  // For their gradients: curves are not compared behind a schedule.
  bool WantsReports() const override {
    return spec_->gradients.exists() && inner_->WantsReports();
  }
  void ObserveReport(const Trial&, const Measurement& report) override {
    reports_.push_back(report);
  }
  void Observe(const Trial& run) override;
  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) override;
  bool Learns() const override { return true; }

 private:
  struct Ladder {
    std::vector<int64_t> steps;  // Of its rungs.
    std::vector<Rung> rungs;     // As many.
    RungValues values;           // pasha: by lineage.
    size_t open = 0;             // Rungs that runs may reach.
    double share = 1;            // Of new configurations.
    int64_t started = 0;         // Of those whose first run ended.
  };
  // A configuration on a ladder.
  struct Lineage {
    Trial first;  // Its first run.
    size_t ladder = 0;
  };
  struct Round {
    std::vector<Trial> configurations;  // Without a result, for inner_.
    absl::flat_hash_set<int64_t>
        promoted;                  // Runs that unfinished ones continue.
    std::vector<int64_t> started;  // [ladders]
    bool any_unfinished = false;
  };

  std::optional<size_t> LadderOf(const Trial& first) const;
  std::optional<size_t> LineageOf(const Trial& run);
  void Enter(size_t lineage, const Trial& run);
  static void OpenIfUnstable(Ladder& ladder);

  Round Begin(absl::Span<const Trial> unfinished) const;
  std::optional<Proposal> Promote(const Round& round) const;
  Proposal Promotion(const Ladder& ladder, size_t rung, TrialId run) const;
  size_t NextLadder(const Round& round) const;
  absl::StatusOr<Proposal> StartNew(Round& round, Random& random);

  const std::unique_ptr<SearchStrategy> inner_;
  const std::shared_ptr<const StudySpec> spec_;
  std::vector<Measurement> reports_;  // Of the run that is observed next.
  std::vector<Ladder> ladders_;
  std::vector<Lineage> lineages_;
  absl::flat_hash_map<int64_t, size_t> lineage_of_;  // By run.
};

}  // namespace assay
