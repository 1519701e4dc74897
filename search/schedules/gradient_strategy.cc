#include "search/schedules/gradient_strategy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "search/base/status_macros.h"
#include "search/checkpoint_retention.h"
#include "search/domain.h"
#include "search/math/normal.h"
#include "search/schedules/explore.h"
#include "search/schedules/lineage.h"
#include "search/strategies/observation.h"

namespace assay {
namespace {

constexpr const char* kName = "gradient";
constexpr int kTries = 100;  // For parameters that are new.
constexpr int kCandidates = 200;
constexpr size_t kLeastToReplace = 3;
constexpr int64_t kFirstAudits = 3;
constexpr double kMostResidual = 0.5;
constexpr const char* kResidual = "gradient_residual";
// Of these it is what was left out on purpose.
constexpr std::array<absl::string_view, 4> kWithoutSolver = {
    "", "truncated", "forward", "one_step"};
constexpr size_t kNamedMoves = 3;
constexpr uint64_t kDirections = 0x6469726563746e73;  // A stream of its own.

double Length(const std::vector<double>& vector) {
  double sum = 0;
  for (const double x : vector) sum += x * x;
  return std::sqrt(sum);
}

bool IsZero(const std::vector<double>& vector) {
  return std::all_of(vector.begin(), vector.end(),
                     [](double x) { return x == 0; });
}

// Which coordinates are asked for.
std::vector<bool> MovesOf(const StudySpec& spec) {
  const std::vector<std::string>& names = spec.gradients.parameters;
  const std::set<std::string> named(names.begin(), names.end());
  std::vector<bool> moves;
  for (const Parameter& parameter : spec.space.parameters()) {
    const bool continuous =
        std::holds_alternative<DoubleDomain>(parameter.domain) &&
        !Levels(parameter.domain);
    moves.push_back(continuous &&
                    (named.empty() || named.contains(parameter.name)));
  }
  return moves;
}

const Measurement* LastAtMost(const std::vector<Measurement>& reports,
                              int64_t step, const std::string& metric) {
  const Measurement* last = nullptr;
  for (const Measurement& report : reports) {
    if (report.step > step || !report.metrics.contains(metric)) continue;
    if (last == nullptr || report.step >= last->step) last = &report;
  }
  return last;
}

// A gradient of which its solver says that it is half wrong is none.
bool IsSolved(const Measurement& report, const std::string& method) {
  const auto residual = report.metrics.find(kResidual);
  if (residual == report.metrics.end()) return true;
  return residual->second <= kMostResidual ||
         std::find(kWithoutSolver.begin(), kWithoutSolver.end(), method) !=
             kWithoutSolver.end();
}

}  // namespace

GradientStrategy::GradientStrategy(std::unique_ptr<SearchStrategy> inner,
                                   std::shared_ptr<const StudySpec> spec)
    : inner_(std::move(inner)),
      spec_(std::move(spec)),
      options_(spec_->schedule.gradient),
      interval_(FirstRunSteps(spec_->schedule)),
      moves_(MovesOf(*spec_)),
      gains_(spec_) {}

// --- Learning ---------------------------------------------------------------

void GradientStrategy::ObserveReport(const Trial&,
                                     const Measurement& measurement) {
  reports_.push_back(measurement);
}

GradientStrategy::Reported GradientStrategy::LastReport(
    const Trial& run) const {
  const std::string& metric = spec_->gradients.metric;
  const Measurement* last =
      LastAtMost(reports_, std::numeric_limits<int64_t>::max(), metric);
  if (last == nullptr) return {};
  const double sign = options_.goal == Goal::kMaximize ? 1 : -1;
  Reported reported{.value = sign * last->metrics.at(metric)};
  if (!IsSolved(*last, spec_->gradients.method)) return reported;
  const auto gradient = last->gradients.find(metric);
  if (gradient == last->gradients.end()) return reported;
  const auto deviations = last->gradient_deviations.find(metric);
  UnitGradient unit =
      ToUnitGradient(spec_->space, run.parameters, gradient->second,
                     deviations == last->gradient_deviations.end()
                         ? std::map<std::string, double>()
                         : deviations->second);
  for (size_t i = 0; i < moves_.size(); ++i) {
    unit.values[i] = moves_[i] ? sign * unit.values[i]
                               : std::numeric_limits<double>::quiet_NaN();
  }
  if (unit.Any()) reported.gradient = std::move(unit);
  return reported;
}

bool GradientStrategy::IsOwn(const Trial& run) const {
  return run.origin.strategy == kName && run.origin.ordinal >= 0;
}

void GradientStrategy::Observe(const Trial& run) {
  finished_.insert(FingerprintOf(run));
  const Reported reported = LastReport(run);
  if (!run.continues) {
    ++configurations_;
    if (IsOwn(run) && run.to_step == spec_->schedule.max_steps) {
      BringRetrained(run);
    } else {
      BringFirst(run, reported);
    }
  } else if (IsOwn(run) && IsAudit(run)) {
    LearnAudited(run, reported);
  } else if (IsOwn(run) && chains_.contains(run.origin.ordinal)) {
    Bring(run.origin.ordinal, run, reported);
  }
  reports_.clear();
}

void GradientStrategy::BringFirst(const Trial& run, const Reported& reported) {
  Tell(*inner_, AsConfiguration(run, run), reports_);
  if (run.to_step == 0) return;  // Imported: nothing goes on from it.
  if (!ToObservation(run, *spec_).IsComplete()) return;
  chains_.emplace(run.id.value,
                  GradientChain(spec_->space.encoded_size(), options_.rate));
  Bring(run.id.value, run, reported);
}

// Chains began at `interval` steps: what it had there compares with them.
void GradientStrategy::BringRetrained(const Trial& run) {
  ++retrained_;
  std::erase_if(endings_, [&](const Ending& ending) {
    return ending.parameters == run.parameters;
  });
  const std::string& objective = spec_->metrics[Objectives(*spec_)[0]].name;
  const Measurement* early = LastAtMost(reports_, interval_, objective);
  const bool has_result = ToObservation(run, *spec_).IsComplete();
  if (!has_result || early == nullptr || early->step < interval_) {
    return Tell(*inner_, AsConfiguration(run, run), reports_);
  }
  Trial first = run;
  first.final_metrics = early->metrics;
  first.to_step = first.last_step = interval_;
  Tell(*inner_, AsConfiguration(first, first), {});
  inner_->ObserveLonger(AsConfiguration(run, run));
}

void GradientStrategy::Bring(ChainId id, const Trial& run,
                             const Reported& reported) {
  GradientChain& chain = chains_.at(id);
  const Observation observation = ToObservation(run, *spec_);
  for (Audit& audit : audits_) {
    const bool same = audit.chain == id && audit.to_step == run.to_step &&
                      audit.parent.id == run.continues;
    if (!same || audit.is_settled) continue;
    audit.gradient = reported.gradient;
    audit.is_settled = !observation.IsComplete() || !reported.gradient;
    Settle(audit);
  }
  if (!observation.IsComplete()) return chain.Lose();
  // It continues another chain's.
  if (run.continues && run.continues != chain.last().id) chain.Forget();
  const double value = observation.IsFeasible()
                           ? observation.values[0]
                           : -std::numeric_limits<double>::infinity();
  LearnGain(run, value);
  LearnPath(run);
  if (!chain.Bring(run, value, reported.gradient)) return;
  if (chain.step() >= spec_->schedule.max_steps) return End(id);
  if (!reported.gradient) return;
  ++gradients_;
  if (options_.random_directions) TurnAtRandom(chain);
  PlanAudit(id);
}

void GradientStrategy::LearnGain(const Trial& run, double value) {
  if (!std::isfinite(value)) return;
  values_[run.id.value] = value;
  const auto before = values_.find(run.continues.value);
  if (!run.continues || before == values_.end()) return;
  gains_.Learn(run.parameters, run.from_step,
               (value - before->second) /
                   static_cast<double>(run.to_step - run.from_step));
}

void GradientStrategy::LearnPath(const Trial& run) {
  Path path;
  const auto before = paths_.find(run.continues.value);
  if (run.continues && before != paths_.end()) path = before->second;
  const std::vector<double> point = spec_->space.Encode(run.parameters);
  path.sum.resize(point.size(), 0);
  for (size_t i = 0; i < point.size(); ++i) path.sum[i] += point[i];
  ++path.runs;
  paths_[run.id.value] = std::move(path);
}

// A direction of those coordinates in which it would move, equally likely
// everywhere.
void GradientStrategy::TurnAtRandom(GradientChain& chain) {
  std::vector<double> move = chain.Move();
  const double length = Length(move);
  Random random(spec_->seed ^ kDirections, static_cast<uint64_t>(gradients_));
  for (double& x : move) x = x == 0 ? 0 : DrawNormal(random);
  const double drawn = Length(move);
  for (double& x : move) x *= drawn > 0 ? length / drawn : 0;
  chain.SetMove(std::move(move));
}

// Of the next run of the chain: two runs beside it, on the line of its move.
void GradientStrategy::PlanAudit(ChainId id) {
  if (options_.audit_share == 0) return;
  const double wanted =
      kFirstAudits + options_.audit_share * static_cast<double>(gradients_);
  if (static_cast<double>(audits_.size() + 1) > wanted) return;
  const GradientChain& chain = chains_.at(id);
  const bool may_copy = chain.runs() % options_.replace_every == 0;
  const std::vector<double> move = chain.Move();
  const double length = Length(move);
  if (length == 0 || may_copy) return;
  Audit audit{
      .parent = chain.last(),
      .chain = id,
      .to_step = std::min(chain.step() + interval_, spec_->schedule.max_steps)};
  const std::vector<double> middle = MovedPoint(chain);
  for (const double side : {-options_.rate, options_.rate}) {
    std::vector<double> point = middle;
    for (size_t i = 0; i < point.size(); ++i) {
      if (move[i] == 0 || std::isnan(point[i])) continue;
      point[i] = std::clamp(point[i] + side * move[i] / length, 0.0, 1.0);
    }
    audit.points.push_back(std::move(point));
    audit.results.push_back(std::nullopt);
  }
  audits_.push_back(std::move(audit));
}

void GradientStrategy::LearnAudited(const Trial& run,
                                    const Reported& reported) {
  for (Audit& audit : audits_) {
    if (audit.parent.id != run.continues || audit.is_settled) continue;
    for (size_t side = 0; side < audit.points.size(); ++side) {
      const Parameters parameters =
          WithCoordinates(audit.parent.parameters, audit.points[side]);
      if (parameters != run.parameters) continue;
      audit.results[side] = reported.value;
      const bool ended = run.state == TrialState::kCompleted;
      audit.is_settled |= !ended || !reported.value;
    }
    Settle(audit);
  }
}

void GradientStrategy::Settle(Audit& audit) {
  if (audit.is_settled || !audit.gradient) return;
  if (!audit.results[0] || !audit.results[1]) return;
  verdict_.Learn(*audit.gradient, audit.points[0], audit.points[1],
                 *audit.results[1] - *audit.results[0]);
  audit.is_settled = true;
}

void GradientStrategy::End(ChainId id) {
  const GradientChain& chain = chains_.at(id);
  const double value = chain.values().rbegin()->second;
  const auto better =
      std::count_if(ends_.begin(), ends_.end(),
                    [value](double other) { return other > value; });
  const bool retrains = 2 * better <= static_cast<int64_t>(ends_.size());
  ends_.push_back(value);
  const Path& path = paths_.at(chain.last().id.value);
  if (!retrains || path.runs == 1) return;  // One run is from nothing itself.
  std::vector<double> mean = path.sum;
  for (double& coordinate : mean) coordinate /= path.runs;
  Parameters parameters = WithCoordinates(chain.last().parameters, mean);
  if (!spec_->space.Satisfies(parameters)) parameters = chain.last().parameters;
  endings_.push_back({id, std::move(parameters), chain.last().number});
}

// --- Proposing --------------------------------------------------------------

GradientStrategy::Round GradientStrategy::Begin(
    absl::Span<const Trial> unfinished) const {
  Round round;
  round.any_unfinished = !unfinished.empty();
  for (const Trial& run : unfinished) Take(round, run);
  return round;
}

void GradientStrategy::Take(Round& round, const Trial& run) const {
  round.taken.insert(FingerprintOf(run));
  if (!run.continues) {
    round.configurations.push_back(AsConfiguration(run, run));
    (IsOwn(run) ? round.retraining : round.beginning) += 1;
  } else if (!IsAudit(run)) {
    round.busy.insert(run.origin.ordinal);
    round.running.push_back({run.parameters, run.from_step});
  }
}

bool GradientStrategy::IsNew(const Round& round,
                             const Proposal& proposal) const {
  const Fingerprint fingerprint = FingerprintOf(proposal);
  return !finished_.contains(fingerprint) && !round.taken.contains(fingerprint);
}

absl::StatusOr<std::vector<Proposal>> GradientStrategy::Suggest(
    absl::Span<const Trial> unfinished, int count, Random& random) {
  Round round = Begin(unfinished);
  std::vector<Proposal> proposals;
  while (static_cast<int>(proposals.size()) < count) {
    ASSAY_ASSIGN_OR_RETURN(std::optional<Proposal> proposal,
                           Next(round, random));
    if (!proposal) break;
    Take(round, AsTrial(*proposal));
    proposals.push_back(*std::move(proposal));
  }
  if (!proposals.empty() || round.any_unfinished || count == 0) {
    return proposals;
  }
  return absl::OutOfRangeError(
      absl::StrCat("every chain reached step ", spec_->schedule.max_steps));
}

// What was reached first, so that a study that ends early has it.
absl::StatusOr<std::optional<Proposal>> GradientStrategy::Next(
    const Round& round, Random& random) {
  if (auto retraining = NextRetraining(round)) return retraining;
  if (StartsMore(round)) {
    ASSAY_ASSIGN_OR_RETURN(std::optional<Proposal> first,
                           StartNew(round, random));
    if (first) return first;
  }
  if (auto audit = NextAudit(round)) return audit;
  return NextMove(round, random);
}

int64_t GradientStrategy::MostConfigurations() const {
  return spec_->budget.max_trials.value_or(std::numeric_limits<int64_t>::max());
}

bool GradientStrategy::GoesOn(const GradientChain& chain) const {
  return chain.has_result() && !chain.is_lost() &&
         chain.step() < spec_->schedule.max_steps;
}

// What is to be retrained has its place, at least one in a study of several.
bool GradientStrategy::StartsMore(const Round& round) const {
  const int64_t going =
      std::count_if(chains_.begin(), chains_.end(),
                    [this](const auto& chain) { return GoesOn(chain.second); });
  if (going + round.beginning >= spec_->schedule.population.size) return false;
  const int64_t begun = configurations_ + round.beginning + round.retraining;
  auto kept = static_cast<int64_t>(endings_.size()) - round.retraining;
  const bool ends_moved = interval_ < spec_->schedule.max_steps && begun > 0;
  if (kept <= 0 && retrained_ + round.retraining == 0) kept = ends_moved;
  return begun + 1 + std::max<int64_t>(kept, 0) <= MostConfigurations();
}

absl::StatusOr<std::optional<Proposal>> GradientStrategy::StartNew(
    const Round& round, Random& random) {
  absl::StatusOr<std::vector<Proposal>> proposals =
      inner_->Suggest(round.configurations, 1, random);
  if (absl::IsOutOfRange(proposals.status())) return std::nullopt;
  if (!proposals.ok()) return proposals.status();
  if (proposals->empty()) return std::nullopt;
  Proposal proposal = std::move((*proposals)[0]);
  proposal.to_step = interval_;
  proposal.origin.why =
      absl::StrCat("gradient: a chain begins, to step ", proposal.to_step, "; ",
                   proposal.origin.why);
  return proposal;
}

std::optional<Proposal> GradientStrategy::NextAudit(const Round& round) const {
  for (const Audit& audit : audits_) {
    if (audit.is_settled) continue;
    for (const std::vector<double>& point : audit.points) {
      Proposal proposal = Continue(audit.parent, AuditOf(audit.chain));
      proposal.parameters = WithCoordinates(audit.parent.parameters, point);
      proposal.origin.why = absl::StrCat(
          "gradient: audits what the next run of trial ", audit.parent.number,
          "'s chain will say: ", Why(audit.parent, proposal.parameters));
      if (IsNew(round, proposal)) return proposal;
    }
  }
  return std::nullopt;
}

// Of the chain that is furthest behind.
std::optional<Proposal> GradientStrategy::NextMove(const Round& round,
                                                   Random& random) const {
  std::optional<ChainId> behind;
  for (const auto& [id, chain] : chains_) {
    if (round.busy.contains(id) || !GoesOn(chain)) continue;
    if (!behind || chain.step() < chains_.at(*behind).step()) behind = id;
  }
  if (!behind) return std::nullopt;
  const GradientChain& chain = chains_.at(*behind);
  if (const std::optional<ChainId> best = BestToCopy(*behind)) {
    return Copied(round, *behind, chains_.at(*best).last(), random);
  }
  Proposal proposal = Moved(chain, *behind);
  if (IsNew(round, proposal)) return proposal;
  proposal = Continue(chain.last(), *behind);
  proposal.origin.why = "gradient: goes on as it is";
  if (IsNew(round, proposal)) return proposal;
  return Copied(round, *behind, chain.last(), random);
}

std::optional<Proposal> GradientStrategy::NextRetraining(
    const Round& round) const {
  const int64_t begun = configurations_ + round.beginning + round.retraining;
  if (begun >= MostConfigurations()) return std::nullopt;
  for (const Ending& ending : endings_) {
    Proposal proposal;
    proposal.parameters = ending.parameters;
    proposal.to_step = spec_->schedule.max_steps;
    proposal.origin = {
        .strategy = kName,
        .why =
            absl::StrCat("gradient: trains from nothing with the mean of what "
                         "led to trial ",
                         ending.number),
        .ordinal = ending.chain};
    if (IsNew(round, proposal)) return proposal;
  }
  return std::nullopt;
}

// Whose last run the chain goes on from instead of its own.
std::optional<GradientStrategy::ChainId> GradientStrategy::BestToCopy(
    ChainId id) const {
  const GradientChain& chain = chains_.at(id);
  const bool due = chain.runs() % options_.replace_every == 0;
  if (!due || chain.losses() > 0) return std::nullopt;
  std::optional<ChainId> best;
  const double value = chain.ValueAt(chain.step());
  size_t compared = 0;
  double best_value = value;
  for (const auto& [other, of] : chains_) {
    if (!of.has_result()) continue;
    ++compared;
    const double there = of.ValueAt(chain.step());
    if (other != id && there <= value) return std::nullopt;  // Not the worst.
    if (!GoesOn(of) || there <= best_value) continue;
    best = other, best_value = there;
  }
  if (compared < kLeastToReplace) return std::nullopt;
  return best;
}

Proposal GradientStrategy::Continue(const Trial& last, int64_t ordinal) const {
  Proposal proposal;
  proposal.parameters = last.parameters;
  proposal.from_step = last.to_step;
  proposal.to_step =
      std::min(last.to_step + interval_, spec_->schedule.max_steps);
  proposal.continues = last.id;
  proposal.origin.strategy = kName;
  proposal.origin.ordinal = ordinal;
  return proposal;
}

Proposal GradientStrategy::Moved(const GradientChain& chain, ChainId id) const {
  Proposal proposal = Continue(chain.last(), id);
  if (verdict_.IsTrusted()) {
    proposal.parameters =
        WithCoordinates(chain.last().parameters, MovedPoint(chain));
  }
  proposal.origin.why =
      absl::StrCat("gradient: ", Why(chain.last(), proposal.parameters));
  return proposal;
}

// Among changes of what can move, as population-based bandits choose.
Proposal GradientStrategy::Copied(const Round& round, ChainId id,
                                  const Trial& best, Random& random) const {
  Proposal proposal = Continue(best, id);
  std::vector<IncrementModel::Point> candidates;
  for (int i = 0; i < kCandidates; ++i) {
    const Parameters explored =
        Explore(spec_->space, best.parameters, i % 2 == 0 ? 1 : 0.25, random);
    proposal.parameters =
        WithCoordinates(best.parameters, spec_->space.Encode(explored));
    if (!IsNew(round, proposal)) continue;
    candidates.push_back({proposal.parameters, best.to_step});
  }
  if (candidates.empty()) return proposal;
  const size_t chosen = gains_.Best(candidates, round.running).value_or(0);
  proposal.parameters = candidates[chosen].parameters;
  proposal.origin.why =
      absl::StrCat("gradient: goes on from trial ", best.number,
                   " with other parameters: ", Why(best, proposal.parameters));
  return proposal;
}

// Smaller if a constraint would fail.
std::vector<double> GradientStrategy::MovedPoint(
    const GradientChain& chain) const {
  const Parameters& parameters = chain.last().parameters;
  const std::vector<double> from = spec_->space.Encode(parameters);
  std::vector<double> move = chain.Move();
  for (int i = 0; i < kTries && !move.empty() && !IsZero(move); ++i) {
    std::vector<double> to = from;
    for (size_t k = 0; k < to.size(); ++k) {
      if (std::isnan(to[k]) || move[k] == 0) continue;
      to[k] = std::clamp(to[k] + move[k], 0.0, 1.0);
    }
    if (spec_->space.Satisfies(WithCoordinates(parameters, to))) return to;
    for (double& x : move) x /= 2;
  }
  return from;
}

// Only what can move, and only where it did.
Parameters GradientStrategy::WithCoordinates(
    const Parameters& parameters, const std::vector<double>& point) const {
  const std::vector<double> from = spec_->space.Encode(parameters);
  Parameters moved = parameters;
  for (size_t i = 0; i < point.size(); ++i) {
    const Parameter& parameter = spec_->space.parameters()[i];
    if (!moves_[i] || std::isnan(point[i]) || point[i] == from[i]) continue;
    const auto it = moved.find(parameter.name);
    if (it != moved.end()) it->second = FromUnit(parameter.domain, point[i]);
  }
  return moved;
}

// "lr 0.01 -> 0.012, momentum 0.9 -> 0.88 and 3 more", the longest moves first.
std::string GradientStrategy::Why(const Trial& from,
                                  const Parameters& to) const {
  const std::vector<double> before = spec_->space.Encode(from.parameters);
  const std::vector<double> after = spec_->space.Encode(to);
  std::vector<std::pair<double, std::string>> moves;
  for (size_t i = 0; i < before.size(); ++i) {
    const std::string& name = spec_->space.parameters()[i].name;
    if (!moves_[i] || std::isnan(before[i]) || before[i] == after[i]) continue;
    moves.emplace_back(
        -std::fabs(after[i] - before[i]),
        absl::StrFormat("%s %.3g -> %.3g", name,
                        AsNumber(from.parameters.at(name)).value_or(0),
                        AsNumber(to.at(name)).value_or(0)));
  }
  if (moves.empty()) {
    return verdict_.IsTrusted()
               ? "goes on as it is"
               : absl::StrCat("goes on as it is: ", verdict_.wrong(), " of ",
                              verdict_.wrong() + verdict_.right(),
                              " audited gradients were wrong");
  }
  std::sort(moves.begin(), moves.end());
  std::string why;
  for (size_t i = 0; i < std::min(moves.size(), kNamedMoves); ++i) {
    absl::StrAppend(&why, i > 0 ? ", " : "", moves[i].second);
  }
  if (moves.size() > kNamedMoves) {
    absl::StrAppend(&why, " and ", moves.size() - kNamedMoves, " more");
  }
  return why;
}

}  // namespace assay
