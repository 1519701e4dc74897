#include "search/schedules/ladder_strategy.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/rung_steps.h"
#include "search/schedules/lineage.h"
#include "search/strategies/observation.h"

namespace assay {
namespace {

constexpr size_t kRungsOfPasha = 2;  // At first.

// Of the configurations, for the bracket that goes through `rungs` rungs.
double HyperbandShare(size_t brackets, size_t rungs, int32_t reduction) {
  return std::ceil(static_cast<double>(brackets) / static_cast<double>(rungs) *
                   std::pow(reduction, static_cast<double>(rungs - 1)));
}

}  // namespace

LadderStrategy::LadderStrategy(std::unique_ptr<SearchStrategy> inner,
                               std::shared_ptr<const StudySpec> spec)
    : inner_(std::move(inner)), spec_(std::move(spec)) {
  const ScheduleSpec& schedule = spec_->schedule;
  const std::vector<int64_t> steps =
      RungSteps(schedule.min_steps, schedule.max_steps, schedule.reduction);
  const size_t count = schedule.name == "hyperband" ? steps.size() : 1;
  for (size_t first = 0; first < count; ++first) {
    Ladder ladder;
    ladder.steps.assign(steps.begin() + static_cast<int64_t>(first),
                        steps.end());
    ladder.rungs =
        std::vector<Rung>(ladder.steps.size(), Rung(schedule.reduction));
    ladder.open = ladder.steps.size();
    if (schedule.name == "pasha") {
      ladder.open = std::min(ladder.open, kRungsOfPasha);
      ladder.values.resize(ladder.steps.size());
    }
    ladder.share =
        HyperbandShare(steps.size(), ladder.steps.size(), schedule.reduction);
    ladders_.push_back(std::move(ladder));
  }
}

// --- Learning ---------------------------------------------------------------

// Each ladder has another first rung. nullopt: a run of another kind, as what
// was imported.
std::optional<size_t> LadderStrategy::LadderOf(const Trial& first) const {
  for (size_t i = 0; i < ladders_.size(); ++i) {
    if (first.to_step == ladders_[i].steps[0]) return i;
  }
  return std::nullopt;
}

// A first run begins one.
std::optional<size_t> LadderStrategy::LineageOf(const Trial& run) {
  std::optional<size_t> lineage;
  if (run.continues) {
    const auto known = lineage_of_.find(run.continues.value);
    if (known != lineage_of_.end()) lineage = known->second;
  } else if (const std::optional<size_t> ladder = LadderOf(run)) {
    lineage = lineages_.size();
    lineages_.push_back({run, *ladder});
    ladders_[*ladder].started += 1;
  }
  if (lineage) lineage_of_[run.id.value] = *lineage;
  return lineage;
}

void LadderStrategy::Observe(const Trial& run) {
  const std::vector<Measurement> reports = std::exchange(reports_, {});
  const std::optional<size_t> known = LineageOf(run);
  if (!known) return Tell(*inner_, AsConfiguration(run, run), reports);
  const Trial configuration = AsConfiguration(lineages_[*known].first, run);
  if (!run.continues) {
    Tell(*inner_, configuration, reports);
  } else if (BringsFurther(run)) {
    TellLonger(*inner_, configuration, reports);
  }
  Enter(*known, run);
}

void LadderStrategy::Enter(size_t lineage, const Trial& run) {
  Ladder& ladder = ladders_[lineages_[lineage].ladder];
  const auto step =
      std::find(ladder.steps.begin(), ladder.steps.end(), run.to_step);
  if (step == ladder.steps.end()) return;
  const auto rung = static_cast<size_t>(step - ladder.steps.begin());
  if (run.continues && rung > 0) {
    ladder.rungs[rung - 1].MarkPromoted(run.continues);
  }
  const bool stopped = run.state == TrialState::kStopped;
  if (run.state == TrialState::kInfeasible) return;
  if (stopped && run.last_step < run.to_step) return;
  const Observation observation = ToObservation(run, *spec_);
  ladder.rungs[rung].Add(observation, !stopped);
  if (observation.HasFailed() || ladder.values.empty()) return;
  ladder.values[rung][static_cast<int64_t>(lineage)] = observation.values[0];
  if (rung + 1 == ladder.open) OpenIfUnstable(ladder);
}

void LadderStrategy::OpenIfUnstable(Ladder& ladder) {
  if (ladder.open < 2 || ladder.open == ladder.steps.size()) return;
  const auto end = ladder.values.begin() + static_cast<int64_t>(ladder.open);
  if (!IsRankingStable({ladder.values.begin(), end})) ++ladder.open;
}

// --- Proposing --------------------------------------------------------------

LadderStrategy::Round LadderStrategy::Begin(
    absl::Span<const Trial> unfinished) const {
  Round round;
  round.any_unfinished = !unfinished.empty();
  for (const Ladder& ladder : ladders_) round.started.push_back(ladder.started);
  for (const Trial& run : unfinished) {
    if (run.continues) {
      round.promoted.insert(run.continues.value);
      continue;
    }
    if (const auto ladder = LadderOf(run)) round.started[*ladder] += 1;
    round.configurations.push_back(AsConfiguration(run, run));
  }
  return round;
}

absl::StatusOr<std::vector<Proposal>> LadderStrategy::Suggest(
    absl::Span<const Trial> unfinished, int count, Random& random) {
  Round round = Begin(unfinished);
  std::vector<Proposal> proposals;
  while (static_cast<int>(proposals.size()) < count) {
    if (std::optional<Proposal> proposal = Promote(round)) {
      round.promoted.insert(proposal->continues.value);
      proposals.push_back(*std::move(proposal));
      continue;
    }
    absl::StatusOr<Proposal> proposal = StartNew(round, random);
    if (proposal.ok()) {
      proposals.push_back(*std::move(proposal));
      continue;
    }
    const bool more_may_come =
        round.any_unfinished && absl::IsOutOfRange(proposal.status());
    if (proposals.empty() && !more_may_come) return proposal.status();
    break;
  }
  return proposals;
}

// The longest first, of several ladders that with the most rungs.
std::optional<Proposal> LadderStrategy::Promote(const Round& round) const {
  const size_t rungs = ladders_[0].steps.size();
  for (size_t above = 1; above < rungs; ++above) {
    for (const Ladder& ladder : ladders_) {
      if (above >= ladder.steps.size()) continue;
      const size_t rung = ladder.steps.size() - 1 - above;
      if (rung + 1 >= ladder.open) continue;
      const auto run = ladder.rungs[rung].Next(round.promoted);
      if (run) return Promotion(ladder, rung, *run);
    }
  }
  return std::nullopt;
}

Proposal LadderStrategy::Promotion(const Ladder& ladder, size_t rung,
                                   TrialId run) const {
  const Rung& place = ladder.rungs[rung];
  Proposal proposal;
  proposal.parameters = lineages_[lineage_of_.at(run.value)].first.parameters;
  proposal.from_step = ladder.steps[rung];
  proposal.to_step = ladder.steps[rung + 1];
  proposal.continues = run;
  proposal.origin.strategy = spec_->schedule.name;
  proposal.origin.why = absl::StrCat(
      spec_->schedule.name, ": of the best ", place.top(), " of ", place.size(),
      " at step ", proposal.from_step, ", goes on to ", proposal.to_step);
  return proposal;
}

size_t LadderStrategy::NextLadder(const Round& round) const {
  size_t next = 0;
  const auto behind = [&](size_t i) {
    return static_cast<double>(round.started[i] + 1) / ladders_[i].share;
  };
  for (size_t i = 1; i < ladders_.size(); ++i) {
    if (behind(i) < behind(next)) next = i;
  }
  return next;
}

absl::StatusOr<Proposal> LadderStrategy::StartNew(Round& round,
                                                  Random& random) {
  ASSAY_ASSIGN_OR_RETURN(std::vector<Proposal> proposals,
                         inner_->Suggest(round.configurations, 1, random));
  if (proposals.empty()) return absl::OutOfRangeError("nothing for now");
  Proposal proposal = std::move(proposals[0]);
  round.configurations.push_back(AsTrial(proposal));
  const size_t ladder = NextLadder(round);
  round.started[ladder] += 1;
  proposal.to_step = ladders_[ladder].steps[0];
  proposal.origin.why =
      absl::StrCat(spec_->schedule.name, ": to step ", proposal.to_step,
                   " at first; ", proposal.origin.why);
  return proposal;
}

}  // namespace assay
