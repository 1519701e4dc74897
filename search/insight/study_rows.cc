#include "search/insight/study_rows.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "search/lineages.h"

namespace assay {
namespace {

bool IsBefore(const StudyRow& a, const StudyRow& b) {
  return a.number < b.number;
}

}  // namespace

StudyRows::StudyRows(const StudySpec& spec)
    : metrics_(spec.metrics),
      has_schedule_(spec.schedule.exists()),
      enough_(EnoughConfigurations(spec)) {}

void StudyRows::Add(Trial trial) {
  if (trial.state != TrialState::kCompleted) return;
  trial.replicate = 0;  // All of a configuration are one row.
  const auto [place, is_new] =
      places_.try_emplace(FingerprintOf(trial), cells_.size());
  if (is_new) {
    cells_.resize(cells_.size() + metrics_.size());
    if (has_schedule_) steps_.push_back(LastStep(trial));
  }
  for (size_t k = 0; k < metrics_.size(); ++k) {
    const auto value = trial.final_metrics.find(metrics_[k].name);
    if (value == trial.final_metrics.end()) continue;
    if (!std::isfinite(value->second)) continue;
    Cell& cell = cells_[place->second + k];
    if (cell.count == 0 || trial.number < cell.number) {
      cell.id = trial.id, cell.number = trial.number;
    }
    const double n = ++cell.count;  // The difference of two may overflow.
    cell.mean += value->second / n - cell.mean / n;
  }
}

std::vector<StudyRow> StudyRows::OfOneBudget(int metric) const {
  const auto counts = [&](size_t i) {
    return cells_[i * metrics_.size() + metric].count > 0;
  };
  const size_t configurations = cells_.size() / metrics_.size();
  std::map<int64_t, size_t, std::greater<>> reached;  // How many, by step.
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (counts(i)) reached[steps_[i]] += 1;
  }
  int64_t step = reached.empty() ? 0 : reached.rbegin()->first;
  for (const auto& [candidate, count] : reached) {
    if (count < enough_) continue;
    step = candidate;
    break;
  }
  std::vector<StudyRow> rows;
  for (size_t i = 0; i < configurations; ++i) {
    if (!counts(i) || (has_schedule_ && steps_[i] != step)) continue;
    const Cell& cell = cells_[i * metrics_.size() + metric];
    rows.push_back({cell.id, cell.number, cell.count, cell.mean});
  }
  std::sort(rows.begin(), rows.end(), IsBefore);
  return rows;
}

std::vector<StudyRow> StudyRows::Choose(int metric, int most, int best) const {
  std::vector<StudyRow> rows = OfOneBudget(metric);
  const auto size = static_cast<int64_t>(rows.size());
  if (size <= most) return rows;
  const Goal goal = metrics_[metric].goal;
  std::stable_sort(rows.begin(), rows.end(),
                   [goal](const StudyRow& a, const StudyRow& b) {
                     return IsBetter(a.value, b.value, goal);
                   });
  std::sort(rows.begin() + best, rows.end(), IsBefore);
  const int64_t spread = most - best;
  std::vector<StudyRow> kept(rows.begin(), rows.begin() + best);
  for (int64_t i = 0; i < spread; ++i) {
    kept.push_back(rows[best + i * (size - best - 1) / (spread - 1)]);
  }
  std::sort(kept.begin(), kept.end(), IsBefore);
  return kept;
}

}  // namespace assay
