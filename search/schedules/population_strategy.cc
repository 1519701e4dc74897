#include "search/schedules/population_strategy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "search/base/status_macros.h"
#include "search/schedules/explore.h"
#include "search/schedules/lineage.h"
#include "search/strategies/observation.h"

namespace assay {
namespace {

constexpr int kTries = 100;     // For parameters that are new.
constexpr int kMostLosses = 3;  // In a row, of a member.
constexpr int kCandidates = 200;

int64_t SizeOf(const StudySpec& spec) {
  const int64_t size = spec.schedule.population.size;
  return std::min(size, spec.budget.max_trials.value_or(size));
}

}  // namespace

PopulationStrategy::PopulationStrategy(std::unique_ptr<SearchStrategy> inner,
                                       std::shared_ptr<const StudySpec> spec)
    : inner_(std::move(inner)),
      spec_(std::move(spec)),
      options_(spec_->schedule.population),
      size_(SizeOf(*spec_)),
      gains_(spec_) {}

// --- Learning ---------------------------------------------------------------

void PopulationStrategy::Observe(const Trial& run) {
  finished_.insert(FingerprintOf(run));
  const std::vector<Measurement> reports = std::exchange(reports_, {});
  if (!run.continues) {
    Tell(*inner_, AsConfiguration(run, run), reports);
    if (run.to_step == 0) return;  // Imported: no member.
    ++started_;
    return Bring(members_[run.id.value], run);
  }
  const auto member = members_.find(run.origin.ordinal);
  if (member != members_.end() && run.origin.strategy == spec_->schedule.name) {
    Bring(member->second, run);
  }
}

void PopulationStrategy::Bring(Member& member, const Trial& run) {
  const Observation observation = ToObservation(run, *spec_);
  member.losses = observation.IsComplete() ? 0 : member.losses + 1;
  if (member.losses > 0) return;
  if (run.continues != member.last.id) member.values.clear();  // It copied.
  member.last = run;
  member.step = run.to_step;
  const bool feasible = observation.IsFeasible();
  member.values[run.to_step] = feasible
                                   ? observation.values[0]
                                   : -std::numeric_limits<double>::infinity();
  if (spec_->schedule.name == "pb2") LearnGain(run, observation.values[0]);
}

void PopulationStrategy::LearnGain(const Trial& run, double value) {
  values_[run.id.value] = value;
  const auto before = values_.find(run.continues.value);
  if (before == values_.end()) return;
  gains_.Learn(run.parameters, run.from_step,
               (value - before->second) /
                   static_cast<double>(run.to_step - run.from_step));
}

// --- Proposing --------------------------------------------------------------

PopulationStrategy::Round PopulationStrategy::Begin(
    absl::Span<const Trial> unfinished) const {
  Round round;
  round.any_unfinished = !unfinished.empty();
  for (const Trial& run : unfinished) Take(round, run);
  return round;
}

void PopulationStrategy::Take(Round& round, const Trial& run) const {
  round.taken.insert(FingerprintOf(run));
  if (spec_->schedule.name == "pb2") {
    round.running.push_back({run.parameters, run.from_step});
  }
  if (run.continues) {
    round.busy.insert(run.origin.ordinal);
  } else {
    round.configurations.push_back(AsConfiguration(run, run));
    ++round.starting;
  }
}

absl::StatusOr<std::vector<Proposal>> PopulationStrategy::Suggest(
    absl::Span<const Trial> unfinished, int count, Random& random) {
  Round round = Begin(unfinished);
  std::vector<Proposal> proposals;
  while (static_cast<int>(proposals.size()) < count) {
    if (StartsMore(round)) {
      absl::StatusOr<Proposal> proposal = StartNew(round, random);
      if (proposal.ok()) {
        Take(round, AsTrial(*proposal));
        proposals.push_back(*std::move(proposal));
        continue;
      }
      if (!absl::IsOutOfRange(proposal.status())) return proposal.status();
    }
    const std::optional<MemberId> member = FurthestBehind(round);
    if (!member) break;
    proposals.push_back(GoOn(round, *member, random));
    Take(round, AsTrial(proposals.back()));
  }
  if (!proposals.empty() || round.any_unfinished || count == 0) {
    return proposals;
  }
  return absl::OutOfRangeError(
      absl::StrCat("every member reached step ", spec_->schedule.max_steps));
}

// A member that never had a result and can copy nobody leaves its place to a
// new one, as far as max_trials allows.
bool PopulationStrategy::StartsMore(const Round& round) const {
  const int64_t with_result =
      std::count_if(members_.begin(), members_.end(), [](const auto& member) {
        return static_cast<bool>(member.second.last.id);
      });
  const int64_t without = static_cast<int64_t>(members_.size()) - with_result;
  const int64_t copying = with_result > 0 ? without : 0;
  const int64_t most =
      spec_->budget.max_trials.value_or(std::numeric_limits<int64_t>::max());
  return with_result + copying + round.starting < size_ &&
         started_ + round.starting < most;
}

absl::StatusOr<Proposal> PopulationStrategy::StartNew(const Round& round,
                                                      Random& random) {
  ASSAY_ASSIGN_OR_RETURN(std::vector<Proposal> proposals,
                         inner_->Suggest(round.configurations, 1, random));
  if (proposals.empty()) return absl::OutOfRangeError("nothing for now");
  Proposal proposal = std::move(proposals[0]);
  proposal.to_step = FirstRunSteps(spec_->schedule);
  proposal.origin.why =
      absl::StrCat(spec_->schedule.name, ": a member begins, to step ",
                   proposal.to_step, "; ", proposal.origin.why);
  return proposal;
}

// From its last result there is more to come.
bool PopulationStrategy::GoesOn(const Member& member) const {
  return member.last.id && member.step < spec_->schedule.max_steps;
}

std::optional<PopulationStrategy::MemberId> PopulationStrategy::FurthestBehind(
    const Round& round) const {
  const bool any_goes_on =
      std::any_of(members_.begin(), members_.end(),
                  [this](const auto& member) { return GoesOn(member.second); });
  if (!any_goes_on) return std::nullopt;
  std::optional<MemberId> behind;
  for (const auto& [id, member] : members_) {
    if (round.busy.contains(id)) continue;
    if (member.step >= spec_->schedule.max_steps) continue;
    if (member.losses >= kMostLosses) continue;
    if (!behind || member.step < members_.at(*behind).step) behind = id;
  }
  return behind;
}

Proposal PopulationStrategy::GoOn(const Round& round, MemberId id,
                                  Random& random) const {
  const Member& member = members_.at(id);
  const std::optional<MemberId> copied = WhomToCopy(id, random);
  const Member& source = copied ? members_.at(*copied) : member;
  Proposal proposal;
  proposal.parameters = source.last.parameters;
  proposal.from_step = source.step;
  proposal.to_step =
      std::min(source.step + options_.interval, spec_->schedule.max_steps);
  proposal.continues = source.last.id;
  proposal.origin.strategy = spec_->schedule.name;
  proposal.origin.ordinal = id;
  if (copied || member.losses > 0) {
    proposal.parameters = NewParameters(round, proposal, random);
  }
  proposal.origin.why =
      absl::StrCat(spec_->schedule.name, ": ",
                   copied ? absl::StrCat("copies trial ", source.last.number,
                                         " and changes its parameters")
                   : member.losses > 0
                       ? "goes on where it had a result, with other parameters"
                       : "goes on");
  return proposal;
}

// Not what was there before.
Parameters PopulationStrategy::NewParameters(const Round& round,
                                             const Proposal& from,
                                             Random& random) const {
  Parameters parameters;
  for (int i = 0; i < kTries; ++i) {
    parameters = spec_->schedule.name == "pb2" && i == 0
                     ? HopedMostOf(round, from, random)
                     : Explored(from, random);
    if (IsNew(round, from, parameters)) break;
  }
  return parameters;
}

Parameters PopulationStrategy::Explored(const Proposal& from,
                                        Random& random) const {
  return Explore(spec_->space, from.parameters, options_.resample, random);
}

Parameters PopulationStrategy::HopedMostOf(const Round& round,
                                           const Proposal& from,
                                           Random& random) const {
  std::vector<IncrementModel::Point> candidates;
  for (int i = 0; i < kCandidates; ++i) {
    const double resample = i % 2 == 0 ? 1 : options_.resample;
    candidates.push_back(
        {Explore(spec_->space, from.parameters, resample, random),
         from.from_step});
  }
  return candidates[gains_.Best(candidates, round.running).value_or(1)]
      .parameters;
}

bool PopulationStrategy::IsNew(const Round& round, Proposal proposal,
                               const Parameters& parameters) const {
  if (parameters == proposal.parameters) return false;
  proposal.parameters = parameters;
  const Fingerprint fingerprint = FingerprintOf(proposal);
  return !finished_.contains(fingerprint) && !round.taken.contains(fingerprint);
}

std::optional<PopulationStrategy::MemberId> PopulationStrategy::WhomToCopy(
    MemberId id, Random& random) const {
  const Member& member = members_.at(id);
  const std::vector<MemberId> ranking = RankingAt(member.step);
  const auto n = static_cast<double>(ranking.size());
  const auto count = static_cast<size_t>(
      std::min(std::ceil(n * options_.quantile), std::floor(n / 2)));
  const bool is_worst = member.losses > 0 ||
                        std::find(ranking.end() - static_cast<int64_t>(count),
                                  ranking.end(), id) != ranking.end();
  if (!is_worst) return std::nullopt;
  std::vector<MemberId> best;
  for (size_t i = 0; i < std::max<size_t>(count, 1) && i < ranking.size();
       ++i) {
    if (ranking[i] != id && GoesOn(members_.at(ranking[i]))) {
      best.push_back(ranking[i]);
    }
  }
  if (best.empty()) {
    if (member.last.id) return std::nullopt;
    // Nobody of the best: it needs one to begin with.
    for (const auto& [other, of] : members_) {
      if (GoesOn(of)) return other;
    }
    return std::nullopt;
  }
  return best[random.Below(best.size())];
}

// Those with a value, best first; equals by their age.
std::vector<PopulationStrategy::MemberId> PopulationStrategy::RankingAt(
    int64_t step) const {
  std::vector<MemberId> ranking;
  for (const auto& [id, member] : members_) {
    if (member.last.id) ranking.push_back(id);
  }
  std::stable_sort(ranking.begin(), ranking.end(), [&](MemberId a, MemberId b) {
    return ValueAt(members_.at(a), step) > ValueAt(members_.at(b), step);
  });
  return ranking;
}

// Of one that was not measured so early, the first.
double PopulationStrategy::ValueAt(const Member& member, int64_t step) const {
  const auto after = member.values.upper_bound(step);
  return after == member.values.begin() ? after->second
                                        : std::prev(after)->second;
}

}  // namespace assay
