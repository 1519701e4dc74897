#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "search/search_space.h"
#include "search/search_strategy.h"
#include "search/strategies/fingerprint.h"
#include "search/strategies/ordinal_set.h"
#include "search/strategies/sequence.h"

namespace assay {

// A search that does not learn: proposal n is a function of n. Proposes the
// lowest index that no trial has, whose configuration passes the constraints
// and is none that was there before; so an index that was lost before it became
// a trial comes again.
//
// First `draws`, which may repeat themselves; then, once half of the space is
// used or kDuplicates draws beyond the highest used one were of no use, `walk`,
// which has each configuration once. Either may be missing. What a proposal is
// depends on the trials alone, never on how often or when Suggest() was called.
//
// A proposal costs one configuration and its fingerprint, whatever the number
// of finished trials; a call also one fingerprint an unfinished trial.
class SequenceStrategy final : public SearchStrategy {
 public:
  // Indices of the walk follow this one in Origin::ordinal if there are draws.
  static constexpr int64_t kWalkOrdinal = int64_t{1} << 48;
  // In a row, until the walk begins; until OutOfRange if there is none.
  static constexpr int64_t kDuplicates = 100;
  static constexpr int64_t kMaxTries = 100'000;
  // Configurations of a walk looked at for one proposal, until OutOfRange.
  static constexpr int64_t kMaxSteps = int64_t{1} << 20;

  // REQUIRES: draws or walk.
  SequenceStrategy(std::string name, std::shared_ptr<const SearchSpace> space,
                   std::unique_ptr<const Sequence> draws,
                   std::unique_ptr<const Sequence> walk);

  void Observe(const Trial& trial) override;
  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) override;
  bool Learns() const override { return false; }

 private:
  // What is known of one sequence. Indices are those of the sequence.
  struct Track {
    std::unique_ptr<const Sequence> sequence;  // nullptr: there is none.
    int64_t first_ordinal = 0;
    OrdinalSet done;  // Of finished trials, or found to be of no use for ever.
    int64_t highest = -1;  // Of finished trials.
  };
  // What one call knows besides: unfinished trials and its own proposals.
  struct Round {
    absl::flat_hash_set<Fingerprint> taken;
    absl::flat_hash_set<int64_t> ordinals;
    int64_t highest_draw = -1;
    int64_t next_draw = 0;  // None below is of use in this round.
    int64_t next_walk = 0;
    bool walking = false;
  };

  Track* TrackOf(const Origin& origin);
  Round Begin(absl::Span<const Trial> unfinished);
  void Take(Round& round, const Fingerprint& fingerprint, const Origin& origin);
  bool IsWalking(const Round& round) const;
  std::optional<Proposal> Next(Round& round);
  std::optional<Proposal> NextDraw(Round& round);
  std::optional<Proposal> NextWalk(Round& round);
  static int64_t NextFree(const Track& track, const Round& round, int64_t from);
  std::optional<Proposal> Propose(Track& track, const Round& round,
                                  int64_t index);
  absl::Status UsedUp(const Round& round) const;

  const std::string name_;
  const std::shared_ptr<const SearchSpace> space_;
  Track draws_;
  Track walk_;
  absl::flat_hash_set<Fingerprint> finished_;
};

}  // namespace assay
