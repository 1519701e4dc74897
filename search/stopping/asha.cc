#include "search/stopping/asha.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "search/rung_steps.h"

namespace assay {
namespace {

constexpr int64_t kMaxSteps = int64_t{1} << 53;

// Without the last, at which a trial ends by itself.
std::vector<int64_t> JudgedRungs(const RuleSpec& rule) {
  const int64_t end = rule.max_steps > 0 ? rule.max_steps : kMaxSteps;
  std::vector<int64_t> rungs = RungSteps(rule.min_steps, end, rule.reduction);
  rungs.pop_back();
  return rungs;
}

}  // namespace

AshaRule::AshaRule(const StudySpec& study, RuleSpec rule)
    : rule_(std::move(rule)),
      rungs_(JudgedRungs(rule_)),
      running_(RankedMetrics(study, rule_), {.smoothing = rule_.smoothing}),
      tables_(rungs_.size()) {
  for (const Watched& metric : running_.watched()) {
    objectives_ += !metric.bound;
  }
}

// A late or repeated report, or a new attempt, may change what a trial entered
// with: it enters again from that rung on.
void AshaRule::ObserveReport(TrialId trial, int32_t attempt,
                             const Measurement& measurement) {
  const TrialCurves* run = running_.Add(trial, attempt, measurement);
  if (run == nullptr) return;
  Entries& entries = entries_[trial];
  size_t kept = 0;
  while (kept < entries.size() && entries[kept].step < measurement.step) {
    ++kept;
  }
  Leave(entries, kept);
  const Curve::Point* newest = run->Newest();
  for (size_t rung = kept; rung < rungs_.size(); ++rung) {
    if (!newest || newest->step < rungs_[rung]) return;
    Enter(*run, rung, entries);
    if (entries.size() == rung) return;
  }
}

void AshaRule::Enter(const TrialCurves& run, size_t rung, Entries& entries) {
  const Curve::Point* point = run.curves[0].FirstFrom(rungs_[rung]);
  if (!HasStanding(run, running_.watched(), point->step)) return;
  Entry entry{.step = point->step,
              .standing = StandingAt(run, running_.watched(), point->step,
                                     &Curve::Point::cost)};
  tables_[rung].Add(entry.standing);
  entry.ahead = tables_[rung].Ahead(entry.standing);
  entry.entries = tables_[rung].size();
  entries.push_back(std::move(entry));
}

void AshaRule::Leave(Entries& entries, size_t first_rung) {
  for (size_t rung = first_rung; rung < entries.size(); ++rung) {
    tables_[rung].Remove(entries[rung].standing);
  }
  if (first_rung < entries.size()) entries.resize(first_rung);
}

void AshaRule::ObserveEnd(const Trial& trial) {
  running_.Remove(trial.id);
  const auto it = entries_.find(trial.id);
  if (it == entries_.end()) return;
  const bool is_worst = trial.state == TrialState::kFailed ||
                        trial.state == TrialState::kInfeasible;
  for (size_t rung = 0; is_worst && rung < it->second.size(); ++rung) {
    tables_[rung].Remove(it->second[rung].standing);
    tables_[rung].Add(StepStanding::Worst(objectives_));
  }
  entries_.erase(it);
}

bool AshaRule::GoesOn(const Entry& entry) const {
  const auto reduction = static_cast<size_t>(rule_.reduction);
  if (entry.entries < reduction) return true;
  return entry.ahead < entry.entries / reduction;
}

std::optional<std::string> AshaRule::ReasonToStop(TrialId trial) const {
  const auto it = entries_.find(trial);
  if (it == entries_.end() || it->second.empty()) return std::nullopt;
  const Entry& entry = it->second.back();
  if (GoesOn(entry)) return std::nullopt;
  const auto reduction = static_cast<size_t>(rule_.reduction);
  return absl::StrCat(ToText(entry.standing, running_.watched()), " at step ",
                      entry.step, " is number ", entry.ahead + 1, " of ",
                      entry.entries, " at the rung of step ",
                      rungs_[it->second.size() - 1], ", where the best ",
                      entry.entries / reduction, " go on");
}

}  // namespace assay
