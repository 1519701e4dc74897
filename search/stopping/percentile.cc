#include "search/stopping/percentile.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

PointCost ComparedWith(Against against) {
  switch (against) {
    case Against::kBest:
      return &Curve::Point::best;
    case Against::kLatest:
      return &Curve::Point::cost;
    case Against::kMean:
      break;
  }
  return &Curve::Point::mean;
}

}  // namespace

PercentileRule::PercentileRule(const StudySpec& study, RuleSpec rule)
    : rule_(std::move(rule)),
      compared_(ComparedWith(rule_.against)),
      running_(RankedMetrics(study, rule_), {.smoothing = rule_.smoothing}) {
  for (const Watched& metric : running_.watched()) {
    objectives_ += !metric.bound;
  }
}

void PercentileRule::ObserveReport(TrialId trial, int32_t attempt,
                                   const Measurement& measurement) {
  const TrialCurves* run = running_.Add(trial, attempt, measurement);
  if (run == nullptr) return;
  const Curve::Point* judged = JudgedPoint(*run, rule_);
  if (judged) AddTable(judged->step);
}

void PercentileRule::ObserveEnd(const Trial& trial) {
  const TrialCurves run = running_.Remove(trial.id);
  if (trial.state != TrialState::kCompleted &&
      trial.state != TrialState::kStopped) {
    return;
  }
  FinishedCurve curve = Thinned(run);
  if (curve.steps.empty()) return;
  finished_.push_back(std::move(curve));
  AddToTables(finished_.back());
}

// Keeps the first and the last point, so that it is known from where to where
// the trial went.
PercentileRule::FinishedCurve PercentileRule::Thinned(
    const TrialCurves& trial) const {
  const std::vector<Curve::Point>& points = trial.curves[0].points();
  const size_t stride =
      std::max<size_t>((points.size() + kMaxPoints - 1) / kMaxPoints, 1);
  FinishedCurve thinned;
  const auto keep = [&](int64_t step) {
    if (!HasStanding(trial, running_.watched(), step)) return;
    const StepStanding standing =
        StandingAt(trial, running_.watched(), step, compared_);
    thinned.steps.push_back(step);
    thinned.numbers.push_back(standing.violation);
    thinned.numbers.insert(thinned.numbers.end(), standing.costs.begin(),
                           standing.costs.end());
  };
  const size_t first = points.empty() ? 0 : (points.size() - 1) % stride;
  if (first > 0) keep(points[0].step);
  for (size_t i = first; i < points.size(); i += stride) keep(points[i].step);
  return thinned;
}

std::optional<StepStanding> PercentileRule::StandingOf(
    const FinishedCurve& curve, int64_t step) const {
  if (curve.steps.back() < step) return std::nullopt;
  const auto after =
      std::upper_bound(curve.steps.begin(), curve.steps.end(), step);
  if (after == curve.steps.begin()) return std::nullopt;
  const auto row = (after - curve.steps.begin() - 1) *
                   static_cast<std::ptrdiff_t>(objectives_ + 1);
  const auto numbers = curve.numbers.begin() + row;
  return StepStanding{
      *numbers,
      {numbers + 1, numbers + 1 + static_cast<std::ptrdiff_t>(objectives_)}};
}

RankTable PercentileRule::TableAt(int64_t step) const {
  RankTable table;
  for (const FinishedCurve& curve : finished_) {
    if (const auto standing = StandingOf(curve, step)) table.Add(*standing);
  }
  return table;
}

void PercentileRule::AddTable(int64_t step) {
  if (tables_.size() >= kMaxTables) return;
  if (tables_.size() * finished_.size() >= kMaxTableEntries) return;
  if (tables_.count(step) == 0) tables_.emplace(step, TableAt(step));
}

void PercentileRule::AddToTables(const FinishedCurve& curve) {
  for (auto& [step, table] : tables_) {
    if (const auto standing = StandingOf(curve, step)) table.Add(*standing);
  }
}

std::optional<std::string> PercentileRule::ReasonToStop(TrialId trial) const {
  const TrialCurves* run = running_.Find(trial);
  if (run == nullptr) return std::nullopt;
  const Curve::Point* judged = JudgedPoint(*run, rule_);
  if (!judged || !HasStanding(*run, running_.watched(), judged->step)) {
    return std::nullopt;
  }
  const auto it = tables_.find(judged->step);
  const RankTable made =
      it == tables_.end() ? TableAt(judged->step) : RankTable();
  const RankTable& table = it == tables_.end() ? made : it->second;
  if (table.size() < static_cast<size_t>(rule_.min_trials)) {
    return std::nullopt;
  }
  const StepStanding standing =
      StandingAt(*run, running_.watched(), judged->step, &Curve::Point::best);
  if (!table.IsBehind(standing, rule_.percent / 100)) return std::nullopt;
  return Reason(standing, judged->step, table);
}

std::string PercentileRule::Reason(const StepStanding& standing, int64_t step,
                                   const RankTable& table) const {
  const Watched& metric = running_.watched()[0];
  const std::string said =
      absl::StrCat(ToText(standing, running_.watched()), " at step ", step);
  const std::string share = absl::StrCat("the best ", rule_.percent, " % of ",
                                         table.size(), " trials");
  if (running_.watched().size() > 1) {
    return absl::StrCat(said, " is behind ", share, ": ", table.Ahead(standing),
                        " are ahead");
  }
  const std::string mark =
      CostText(table.Quantile(rule_.percent / 100).costs[0], metric.goal);
  const char* below =
      metric.goal == Goal::kMaximize ? " is below " : " is above ";
  if (rule_.percent == 50) {
    return absl::StrCat(said, below, "the median ", mark, " of ", table.size(),
                        " trials");
  }
  return absl::StrCat(said, below, mark, ", where ", share, " begin");
}

}  // namespace assay
