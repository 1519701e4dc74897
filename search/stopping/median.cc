#include "search/stopping/median.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

// REQUIRES: `sorted` is not empty.
double Median(const std::vector<double>& sorted) {
  const size_t middle = sorted.size() / 2;
  const double upper = sorted[middle];
  if (sorted.size() % 2 == 1) return upper;
  const double lower = sorted[middle - 1];
  return lower == upper ? upper : lower / 2 + upper / 2;
}

}  // namespace

MedianRule::MedianRule(const StudySpec& spec)
    : spec_(spec.stopping), running_(WatchedMetric(spec), 0) {}

void MedianRule::ObserveReport(TrialId trial, int32_t attempt,
                               const Measurement& measurement) {
  const Curve* curve = running_.Add(trial, attempt, measurement);
  if (curve == nullptr) return;
  const Curve::Point* judged =
      JudgedPoint(*curve, spec_.warmup_steps, spec_.interval_steps);
  if (judged) AddTable(judged->step);
}

void MedianRule::ObserveEnd(const Trial& trial) {
  const Curve curve = running_.Remove(trial.id);
  if (curve.points().empty()) return;
  if (trial.state != TrialState::kCompleted &&
      trial.state != TrialState::kStopped) {
    return;
  }
  finished_.push_back(Thinned(curve));
  AddToTables(finished_.back());
}

// Keeps the first and the last point, so that it is known from where to where
// the trial went.
MedianRule::FinishedCurve MedianRule::Thinned(const Curve& curve) {
  const std::vector<Curve::Point>& points = curve.points();
  const size_t stride = (points.size() + kMaxPoints - 1) / kMaxPoints;
  FinishedCurve thinned;
  const size_t first = (points.size() - 1) % stride;
  if (first > 0) thinned.push_back({points[0].step, points[0].mean});
  for (size_t i = first; i < points.size(); i += stride) {
    thinned.push_back({points[i].step, points[i].mean});
  }
  return thinned;
}

std::optional<double> MedianRule::MeanAt(const FinishedCurve& curve,
                                         int64_t step) {
  if (curve.back().step < step) return std::nullopt;
  const auto after = std::upper_bound(
      curve.begin(), curve.end(), step,
      [](int64_t at, const Mean& mean) { return at < mean.step; });
  if (after == curve.begin()) return std::nullopt;
  return std::prev(after)->cost;
}

MedianRule::Table MedianRule::TableAt(int64_t step) const {
  Table table;
  for (const FinishedCurve& curve : finished_) {
    if (const auto mean = MeanAt(curve, step)) table.push_back(*mean);
  }
  std::sort(table.begin(), table.end());
  return table;
}

void MedianRule::AddTable(int64_t step) {
  if (tables_.size() >= kMaxTables) return;
  if (tables_.size() * finished_.size() >= kMaxTableEntries) return;
  if (tables_.count(step) == 0) tables_.emplace(step, TableAt(step));
}

void MedianRule::AddToTables(const FinishedCurve& curve) {
  for (auto& [step, table] : tables_) {
    const std::optional<double> mean = MeanAt(curve, step);
    if (!mean) continue;
    table.insert(std::upper_bound(table.begin(), table.end(), *mean), *mean);
  }
}

std::optional<std::string> MedianRule::ReasonToStop(TrialId trial) const {
  const Curve* curve = running_.Find(trial);
  if (curve == nullptr) return std::nullopt;
  const Curve::Point* judged =
      JudgedPoint(*curve, spec_.warmup_steps, spec_.interval_steps);
  if (judged == nullptr) return std::nullopt;
  const auto it = tables_.find(judged->step);
  const Table made = it == tables_.end() ? TableAt(judged->step) : Table();
  const Table& table = it == tables_.end() ? made : it->second;
  if (table.empty() || table.size() < static_cast<size_t>(spec_.min_trials)) {
    return std::nullopt;
  }
  if (!(judged->best > Median(table))) return std::nullopt;
  return Reason(*judged, table);
}

std::string MedianRule::Reason(const Curve::Point& judged,
                               const Table& table) const {
  const auto& [metric, goal] = running_.watched();
  return absl::StrCat(
      metric, " ", CostText(judged.best, goal), " at step ", judged.step,
      " is ", goal == Goal::kMaximize ? "below" : "above", " the median ",
      CostText(Median(table), goal), " of ", table.size(), " trials");
}

}  // namespace assay
