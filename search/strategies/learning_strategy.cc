#include "search/strategies/learning_strategy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/strategies/random.h"

namespace assay {
namespace {

constexpr int kStartSkips = 100;  // Start points that are of no use, in a row.
constexpr int kConstraintTries = 1000;

}  // namespace

LearningStrategy::LearningStrategy(std::string name,
                                   std::shared_ptr<const StudySpec> spec)
    : name_(std::move(name)),
      spec_(std::move(spec)),
      start_(spec_),
      prior_(spec_->space),
      rest_(MakeRandom(std::shared_ptr<const SearchSpace>(spec_, &spec_->space),
                       spec_->seed)),
      sources_(spec_) {}

void LearningStrategy::ObserveEarlier(const EarlierStudy& study) {
  if (study.trust == Trust::kSimilar) return sources_.Add(study);
  for (const Trial& trial : study.trials) {
    Learn(ToObservation(trial, *spec_));
    ++same_;
  }
}

// The models are fitted as late as can be: a strategy that is not asked, as in
// AutoStrategy, needs none.
void LearningStrategy::PrepareSources() {
  if (sources_ready_ || sources_.empty()) return;
  sources_ready_ = true;
  sources_.Fit();
  portfolio_ = TransferPortfolio::Make(
      sources_, static_cast<int>(Objectives(*spec_).size()), kPortfolio);
  LearnOfSources(sources_);
}

void LearningStrategy::ObserveReport(const Trial&,
                                     const Measurement& measurement) {
  curve_.push_back(measurement);
}

void LearningStrategy::ObserveMean(const Trial& trial, int runs) {
  const std::vector<Measurement> curve = std::exchange(curve_, {});
  finished_.insert(FingerprintOf(trial));
  rest_->Observe(trial);
  if (IsOwn(trial.origin)) {
    next_ordinal_ = std::max(next_ordinal_, trial.origin.ordinal + 1);
  }
  if (!spec_->space.Check(trial.parameters).ok()) return;
  Observation observation =
      Observed(trial, WantsReports() ? curve : decltype(curve)());
  observation.runs = runs;
  Learn(observation);
}

void LearningStrategy::ObserveLonger(const Trial& configuration) {
  const std::vector<Measurement> curve = std::exchange(curve_, {});
  if (!spec_->space.Check(configuration.parameters).ok()) return;
  const Observation observation =
      Observed(configuration, WantsReports() ? curve : decltype(curve)());
  if (!observation.HasFailed()) LearnLonger(observation);
}

Observation LearningStrategy::Observed(
    const Trial& trial, const std::vector<Measurement>& curve) const {
  Observation observation = ToObservation(trial, *spec_, curve);
  if (!spec_->schedule.exists() || !ComparesSteps()) return observation;
  if (observation.HasFailed() || trial.last_step == 0) return observation;
  observation.curve = {{trial.last_step, observation.values}};
  if (trial.last_step < spec_->schedule.max_steps) {
    observation.state = TrialState::kStopped;
  }
  return observation;
}

absl::StatusOr<std::vector<Proposal>> LearningStrategy::Suggest(
    absl::Span<const Trial> unfinished, int count, Random& random) {
  PrepareSources();
  Round round;
  for (const Trial& trial : unfinished) Add(round, trial);
  std::vector<Proposal> proposals;
  while (static_cast<int>(proposals.size()) < count) {
    absl::StatusOr<Proposal> proposal = Next(round, random);
    if (!proposal.ok() && proposals.empty()) return proposal.status();
    if (!proposal.ok()) break;
    Add(round, AsTrial(*proposal));
    proposals.push_back(*std::move(proposal));
  }
  return proposals;
}

void LearningStrategy::Add(Round& round, const Trial& trial) const {
  round.trials.push_back(trial);
  const Fingerprint fingerprint = FingerprintOf(trial);
  if (!finished_.contains(fingerprint)) round.taken.insert(fingerprint);
  if (!spec_->space.Check(trial.parameters).ok()) return;
  round.unfinished.push_back({trial.origin, trial.parameters,
                              spec_->space.Encode(trial.parameters), trial.id});
}

bool LearningStrategy::IsNew(const Round& round,
                             const Proposal& proposal) const {
  const Fingerprint fingerprint = FingerprintOf(proposal);
  return !finished_.contains(fingerprint) &&
         !round.taken.contains(fingerprint) &&
         spec_->space.Satisfies(proposal.parameters);
}

absl::StatusOr<Proposal> LearningStrategy::Next(const Round& round,
                                                Random& random) {
  if (auto proposal = NextStart(round)) return *std::move(proposal);
  if (auto proposal = NextOfModel(round, random)) return *std::move(proposal);
  return NextOfRest(round, random);
}

// The index is the number of configurations so far: a start point that was lost
// before it became a trial comes again.
std::optional<Proposal> LearningStrategy::NextStart(const Round& round) const {
  const auto used = static_cast<int64_t>(finished_.size() + round.taken.size());
  if (used + same_ >= StartTrials()) return std::nullopt;
  for (int64_t index = used; index < used + kStartSkips; ++index) {
    Proposal proposal = StartProposal(index);
    if (IsNew(round, proposal)) return proposal;
  }
  return std::nullopt;
}

Proposal LearningStrategy::StartProposal(int64_t index) const {
  Proposal proposal;
  proposal.origin.strategy = name_;
  const auto earlier = static_cast<int64_t>(portfolio_.size());
  if (index < earlier) {
    const TransferPortfolio::Point& point = portfolio_[index];
    proposal.parameters = spec_->space.Decode(point.point);
    proposal.origin.why = point.why;
  } else {
    proposal.parameters = spec_->space.Decode(start_.Point(index - earlier));
    proposal.origin.why = start_.Why(index - earlier);
  }
  return proposal;
}

std::optional<Proposal> LearningStrategy::NextOfModel(const Round& round,
                                                      Random& random) {
  for (int ask = 0; ask < kAsks; ++ask) {
    Candidate candidate = Propose(round.unfinished, random);
    Proposal proposal;
    proposal.parameters = std::move(candidate.parameters);
    proposal.origin = {.strategy = name_,
                       .why = std::move(candidate.why),
                       .ordinal = candidate.ordinal};
    if (IsNew(round, proposal)) return proposal;
  }
  return std::nullopt;
}

absl::StatusOr<Proposal> LearningStrategy::NextOfRest(const Round& round,
                                                      Random& random) {
  ASSAY_ASSIGN_OR_RETURN(std::vector<Proposal> rest,
                         rest_->Suggest(round.trials, 1, random));
  rest[0].origin.why =
      absl::StrCat(name_, " names nothing new: ", rest[0].origin.why);
  return std::move(rest[0]);
}

bool LearningStrategy::IsOwn(const Origin& origin) const {
  return origin.ordinal >= 0 && origin.strategy == name_;
}

int64_t LearningStrategy::NextOrdinal(
    absl::Span<const Unfinished> unfinished) const {
  int64_t next = next_ordinal_;
  for (const Unfinished& trial : unfinished) {
    if (IsOwn(trial.origin)) next = std::max(next, trial.origin.ordinal + 1);
  }
  return next;
}

Parameters LearningStrategy::RandomParameters(Random& random) const {
  Parameters parameters;
  std::vector<double> point(spec_->space.encoded_size());
  for (int i = 0; i < kConstraintTries; ++i) {
    for (double& u : point) u = random.Uniform();
    parameters = spec_->space.Decode(prior_.FromUniform(point));
    if (spec_->space.Satisfies(parameters)) break;
  }
  return parameters;
}

}  // namespace assay
