#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "search/gradient/gradient_audit.h"
#include "search/gradient/gradient_chain.h"
#include "search/schedules/increment_model.h"
#include "search/search_strategy.h"
#include "search/strategies/fingerprint.h"
#include "search/study.h"

namespace assay {

// Chains of runs that follow hypergradients (gradient search as a service):
//
//   begin      The strategy inside proposes what a chain starts with; the
//              parameters without a gradient stay as they are in a chain.
//   move       Each run of `interval` steps continues the one before, with its
//              parameters moved along the gradient of `gradients.metric` at its
//              end (search/gradient/adam.h), as far as it was accepted by its
//              objective (search/gradient/gradient_chain.h).
//   replace    After every `replace_every` accepted runs a chain that is the
//              worst of at least three at its step goes on from the best one's
//              last run instead, with other values of the parameters with
//              gradients: of 200 changes and draws those of which a model of
//              all gains hopes most (search/schedules/increment_model.h).
//   audit      Three gradients, and a share of those to come, are compared with
//              what two runs measure that are like the run with the gradient,
//              but for parameters a little before and behind. A method that
//              proves wrong is not followed any more: chains then go on as they
//              are, and only replacement changes them.
//   retrain    What a chain ends with at max_steps was reached by changes on
//              the way, as by a learning rate that fell. If it is among the
//              better half of such ends, the mean of its parameters along the
//              way (of encoded points, Polyak's average) is trained from
//              nothing, a configuration of its own.
//
// Only the first runs and what was trained from nothing is told to the strategy
// inside, both at `interval` steps, and the latter at its end as well. A chain
// that ended or was lost makes room for a new one while max_trials allows, of
// which one is kept for retraining. Without that limit there is no end.
class GradientStrategy final : public SearchStrategy {
 public:
  // REQUIRES: CheckSchedule(*spec), one objective.
  GradientStrategy(std::unique_ptr<SearchStrategy> inner,
                   std::shared_ptr<const StudySpec> spec);

  void ObserveEarlier(const EarlierStudy& study) override {
    inner_->ObserveEarlier(study);
  }
  bool WantsReports() const override { return true; }
  void ObserveReport(const Trial& trial,
                     const Measurement& measurement) override;
  void Observe(const Trial& run) override;
  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) override;
  bool Learns() const override { return true; }

 private:
  // Named by the id of its first run, which later ones carry as their ordinal.
  using ChainId = int64_t;
  // Of one gradient: two runs beside the one at whose end it was taken.
  struct Audit {
    Trial parent;  // All three continue it.
    ChainId chain = 0;
    int64_t to_step = 0;
    std::vector<std::vector<double>> points = {};     // [2, encoded_size]
    std::vector<std::optional<double>> results = {};  // [2]
    std::optional<UnitGradient> gradient = {};
    bool is_settled = false;
  };
  // Parameters to be trained from nothing.
  struct Ending {
    ChainId chain = 0;
    Parameters parameters;
    int64_t number = 0;  // Of its last run, for people.
  };
  struct Round {
    std::vector<Trial> configurations;  // Unfinished first runs, for inner_.
    absl::flat_hash_set<ChainId> busy;
    absl::flat_hash_set<Fingerprint> taken;
    std::vector<IncrementModel::Point> running;
    int64_t beginning = 0;   // Chains' first runs.
    int64_t retraining = 0;  // Runs from nothing to max_steps.
    bool any_unfinished = false;
  };
  // What a finished run reported last of the gradient's metric.
  struct Reported {
    std::optional<double> value = {};  // Larger is better.
    std::optional<UnitGradient> gradient = {};
  };

  // Learning.
  Reported LastReport(const Trial& run) const;
  void BringFirst(const Trial& run, const Reported& reported);
  void BringRetrained(const Trial& run);
  void Bring(ChainId id, const Trial& run, const Reported& reported);
  void LearnGain(const Trial& run, double value);
  void LearnAudited(const Trial& run, const Reported& reported);
  void Settle(Audit& audit);
  void PlanAudit(ChainId id);
  void End(ChainId id);
  void LearnPath(const Trial& run);
  bool IsOwn(const Trial& run) const;
  void TurnAtRandom(GradientChain& chain);

  // Proposing.
  Round Begin(absl::Span<const Trial> unfinished) const;
  void Take(Round& round, const Trial& run) const;
  bool IsNew(const Round& round, const Proposal& proposal) const;
  absl::StatusOr<std::optional<Proposal>> Next(const Round& round,
                                               Random& random);
  bool StartsMore(const Round& round) const;
  int64_t MostConfigurations() const;
  absl::StatusOr<std::optional<Proposal>> StartNew(const Round& round,
                                                   Random& random);
  std::optional<Proposal> NextAudit(const Round& round) const;
  std::optional<Proposal> NextMove(const Round& round, Random& random) const;
  std::optional<Proposal> NextRetraining(const Round& round) const;
  bool GoesOn(const GradientChain& chain) const;
  std::optional<ChainId> BestToCopy(ChainId id) const;
  Proposal Continue(const Trial& last, int64_t ordinal) const;
  Proposal Moved(const GradientChain& chain, ChainId id) const;
  Proposal Copied(const Round& round, ChainId id, const Trial& best,
                  Random& random) const;
  std::vector<double> MovedPoint(const GradientChain& chain) const;
  Parameters WithCoordinates(const Parameters& parameters,
                             const std::vector<double>& point) const;
  std::string Why(const Trial& from, const Parameters& to) const;

  const std::unique_ptr<SearchStrategy> inner_;
  const std::shared_ptr<const StudySpec> spec_;
  const GradientOptions options_;
  const int64_t interval_;
  std::vector<bool> moves_;  // [encoded_size]: it may have a gradient.

  std::vector<Measurement> reports_;  // Of the trial that is observed next.
  std::map<ChainId, GradientChain> chains_;  // Those that ended as well.
  int64_t configurations_ = 0;               // Finished runs from nothing.
  int64_t retrained_ = 0;                    // Of these.
  std::deque<Ending> endings_;               // Still to be retrained.
  std::vector<double> ends_;                 // Values at max_steps.
  std::vector<Audit> audits_;
  GradientAudit verdict_;
  int64_t gradients_ = 0;  // Of accepted runs.
  absl::flat_hash_set<Fingerprint> finished_;
  absl::flat_hash_map<int64_t, double> values_;  // Of each run, by id.
  // Sums of the encoded points of a run and those that it goes on from.
  struct Path {
    std::vector<double> sum;
    int runs = 0;
  };
  absl::flat_hash_map<int64_t, Path> paths_;
  IncrementModel gains_;
};

}  // namespace assay
