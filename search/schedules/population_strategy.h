#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "search/schedules/increment_model.h"
#include "search/search_strategy.h"
#include "search/strategies/fingerprint.h"
#include "search/study.h"

namespace assay {

// Members that are trained side by side, each in runs of `interval` steps, and
// learn of each other: population-based training (Jaderberg et al. 2017,
// "Population Based Training of Neural Networks"), asynchronous and on any
// workers.
//
// The strategy inside proposes what members start with, and is told of their
// first runs alone. Whoever asks gets the member furthest behind. Where it is
// among the worst of those that were measured by its step, it goes on from the
// last run of a random one of the best, with that one's parameters changed
// (Explore()): exploit and explore. Else it goes on from its own. A member
// whose run ended without a result counts as the worst; if nobody can be copied
// it goes on from its own last result, changed, or a new one takes its place.
// After three such runs in a row it is given up.
//
// pb2 is the same, but for the new parameters, which are those of 200 changes
// and draws of which an IncrementModel of the gains so far hopes most.
//
// How many are the worst, and the best: the quantile of the members that were
// measured, rounded up, at most half of them (as Ray Tune has it). A member's
// value at a step is the last that it measured up to there.
//
// OutOfRange once every member has reached max_steps. A budget of max_trials
// below the population is the population.
class PopulationStrategy final : public SearchStrategy {
 public:
  // REQUIRES: CheckSchedule(*spec), one objective.
  PopulationStrategy(std::unique_ptr<SearchStrategy> inner,
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
  // Named by the id of its first run, which later ones carry as their ordinal.
  using MemberId = int64_t;
  struct Member {
    Trial last;        // The run it goes on from; no id: none has a result.
    int64_t step = 0;  // Where that ended.
    int losses = 0;    // Runs after that without a result.
    std::map<int64_t, double> values;  // By step; larger is better.
  };
  struct Round {
    std::vector<Trial> configurations;  // Unfinished first runs, for inner_.
    absl::flat_hash_set<MemberId> busy;
    absl::flat_hash_set<Fingerprint> taken;
    std::vector<IncrementModel::Point> running;
    int64_t starting = 0;  // First runs without a result.
    bool any_unfinished = false;
  };

  void Bring(Member& member, const Trial& run);
  void LearnGain(const Trial& run, double value);
  Round Begin(absl::Span<const Trial> unfinished) const;
  void Take(Round& round, const Trial& run) const;
  bool StartsMore(const Round& round) const;
  absl::StatusOr<Proposal> StartNew(const Round& round, Random& random);
  bool GoesOn(const Member& member) const;
  std::optional<MemberId> FurthestBehind(const Round& round) const;
  Proposal GoOn(const Round& round, MemberId id, Random& random) const;
  // Whom the member copies, if it is among the worst.
  std::optional<MemberId> WhomToCopy(MemberId id, Random& random) const;
  std::vector<MemberId> RankingAt(int64_t step) const;
  double ValueAt(const Member& member, int64_t step) const;
  Parameters NewParameters(const Round& round, const Proposal& proposal,
                           Random& random) const;
  Parameters Explored(const Proposal& from, Random& random) const;
  Parameters HopedMostOf(const Round& round, const Proposal& from,
                         Random& random) const;
  bool IsNew(const Round& round, Proposal proposal,
             const Parameters& parameters) const;

  const std::unique_ptr<SearchStrategy> inner_;
  const std::shared_ptr<const StudySpec> spec_;
  std::vector<Measurement> reports_;  // Of the run that is observed next.
  const PopulationOptions options_;
  const int64_t size_;
  std::map<MemberId, Member> members_;  // Without those that are lost for good.
  int64_t started_ = 0;                 // First runs that ended.
  absl::flat_hash_set<Fingerprint> finished_;
  std::map<int64_t, double> values_;  // pb2: of each run, by id.
  IncrementModel gains_;
};

}  // namespace assay
