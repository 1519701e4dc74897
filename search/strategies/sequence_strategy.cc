#include "search/strategies/sequence_strategy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay {

SequenceStrategy::SequenceStrategy(std::string name,
                                   std::shared_ptr<const SearchSpace> space,
                                   std::unique_ptr<const Sequence> draws,
                                   std::unique_ptr<const Sequence> walk)
    : name_(std::move(name)), space_(std::move(space)) {
  walk_.first_ordinal = draws ? kWalkOrdinal : 0;
  draws_.sequence = std::move(draws);
  walk_.sequence = std::move(walk);
}

// The sequence that a proposal came from; nullptr if it was none of these.
SequenceStrategy::Track* SequenceStrategy::TrackOf(const Origin& origin) {
  if (origin.strategy != name_ || origin.ordinal < 0) return nullptr;
  Track& track = origin.ordinal >= walk_.first_ordinal ? walk_ : draws_;
  return track.sequence ? &track : nullptr;
}

void SequenceStrategy::Observe(const Trial& trial) {
  finished_.insert(FingerprintOf(trial));
  Track* track = TrackOf(trial.origin);
  if (track == nullptr) return;
  const int64_t index = trial.origin.ordinal - track->first_ordinal;
  track->done.Insert(index);
  track->highest = std::max(track->highest, index);
}

void SequenceStrategy::Take(Round& round, const Fingerprint& fingerprint,
                            const Origin& origin) {
  if (!finished_.contains(fingerprint)) round.taken.insert(fingerprint);
  const Track* track = TrackOf(origin);
  if (track == nullptr) return;
  round.ordinals.insert(origin.ordinal);
  if (track == &walk_) {
    round.walking = true;
  } else {
    round.highest_draw = std::max(round.highest_draw, origin.ordinal);
  }
}

SequenceStrategy::Round SequenceStrategy::Begin(
    absl::Span<const Trial> unfinished) {
  Round round;
  round.highest_draw = draws_.highest;
  round.walking = !draws_.sequence || walk_.highest >= 0;
  for (const Trial& trial : unfinished) {
    Take(round, FingerprintOf(trial), trial.origin);
  }
  return round;
}

absl::StatusOr<std::vector<Proposal>> SequenceStrategy::Suggest(
    absl::Span<const Trial> unfinished, int count, Random& random) {
  (void)random;  // Each proposal has a stream of its own.
  Round round = Begin(unfinished);
  std::vector<Proposal> proposals;
  while (static_cast<int>(proposals.size()) < count) {
    std::optional<Proposal> proposal = Next(round);
    if (!proposal) break;
    Take(round, FingerprintOf(*proposal), proposal->origin);
    proposals.push_back(*std::move(proposal));
  }
  if (proposals.empty() && count > 0) return UsedUp(round);
  return proposals;
}

bool SequenceStrategy::IsWalking(const Round& round) const {
  if (!walk_.sequence) return false;
  const auto used = static_cast<int64_t>(finished_.size() + round.taken.size());
  return round.walking || used >= (walk_.sequence->size() + 1) / 2;
}

std::optional<Proposal> SequenceStrategy::Next(Round& round) {
  if (!IsWalking(round)) {
    if (auto proposal = NextDraw(round)) return proposal;
  }
  return walk_.sequence ? NextWalk(round) : std::nullopt;
}

std::optional<Proposal> SequenceStrategy::NextDraw(Round& round) {
  const int64_t tries = walk_.sequence ? kDuplicates : kMaxTries;
  while (true) {
    const int64_t index = NextFree(draws_, round, round.next_draw);
    if (index > round.highest_draw + tries) return std::nullopt;
    round.next_draw = index + 1;
    if (auto proposal = Propose(draws_, round, index)) return proposal;
  }
}

std::optional<Proposal> SequenceStrategy::NextWalk(Round& round) {
  for (int64_t step = 0; step < kMaxSteps; ++step) {
    const int64_t index = NextFree(walk_, round, round.next_walk);
    if (index >= walk_.sequence->size()) return std::nullopt;
    round.next_walk = index + 1;
    if (auto proposal = Propose(walk_, round, index)) return proposal;
  }
  return std::nullopt;
}

int64_t SequenceStrategy::NextFree(const Track& track, const Round& round,
                                   int64_t from) {
  int64_t index = track.done.NextMissing(from);
  while (round.ordinals.contains(track.first_ordinal + index)) {
    index = track.done.NextMissing(index + 1);
  }
  return index;
}

// nullopt if the configuration is of no use, which is remembered if for ever.
std::optional<Proposal> SequenceStrategy::Propose(Track& track,
                                                  const Round& round,
                                                  int64_t index) {
  Proposal proposal;
  proposal.parameters = track.sequence->At(index);
  const Fingerprint fingerprint = FingerprintOf(proposal);
  if (finished_.contains(fingerprint) ||
      !space_->Satisfies(proposal.parameters)) {
    track.done.Insert(index);
    return std::nullopt;
  }
  if (round.taken.contains(fingerprint)) return std::nullopt;
  proposal.origin.strategy = name_;
  proposal.origin.why = track.sequence->Why(index);
  proposal.origin.ordinal = track.first_ordinal + index;
  return proposal;
}

absl::Status SequenceStrategy::UsedUp(const Round& round) const {
  const std::string fit =
      space_->constraints().empty() ? "new" : "new and passes the constraints";
  if (!walk_.sequence) {
    return absl::OutOfRangeError(
        absl::StrCat(name_, ": none of ", kMaxTries, " draws is ", fit));
  }
  const int64_t size = walk_.sequence->size();
  if (round.next_walk < size &&
      walk_.done.NextMissing(round.next_walk) < size) {
    return absl::OutOfRangeError(absl::StrCat(
        name_, ": none of ", kMaxSteps, " configurations in a row is ", fit));
  }
  return absl::OutOfRangeError(
      absl::StrCat(name_, ": the space is used up, none of its ", size,
                   " configurations is ", fit));
}

}  // namespace assay
