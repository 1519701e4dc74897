#include "search/gp/trial_values.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace assay {
namespace {

constexpr double kAssumedNoise = 4;

bool AllFinite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value); });
}

}  // namespace

TrialValues::TrialValues(int objectives, int parameters)
    : objectives_(objectives), enough_(std::max(10, 2 * (parameters + 1))) {}

void TrialValues::Learn(const Observation& observation) {
  Entry entry{.failed = observation.HasFailed(),
              .completed = observation.IsComplete(),
              .runs = observation.runs,
              .values = observation.values};
  if (entry.failed) {
    entry.values.assign(objectives_, std::numeric_limits<double>::quiet_NaN());
  } else if (WantsCurves()) {
    entry.curve = observation.curve;
  }
  entry.assumed = entry.values;
  completed_ += entry.completed ? 1 : 0;
  trials_.push_back(std::move(entry));
}

void TrialValues::ChooseStep(int count) {
  step_ = std::nullopt;
  int completed = 0;
  std::vector<int64_t> reached;
  for (int i = 0; i < count; ++i) {
    completed += trials_[i].completed ? 1 : 0;
    if (!trials_[i].curve.empty()) {
      reached.push_back(trials_[i].curve.back().step);
    }
  }
  if (completed >= enough_) return;
  if (static_cast<int>(reached.size()) < enough_) return;
  const auto least = reached.begin() + enough_ - 1;
  std::nth_element(reached.begin(), least, reached.end(), std::greater<>());
  step_ = *least;
}

const std::vector<double>* TrialValues::AtStep(const Entry& entry) const {
  if (entry.curve.empty() || entry.curve.back().step < *step_) {
    return entry.completed ? &entry.values : nullptr;
  }
  const auto after = std::find_if(
      entry.curve.begin(), entry.curve.end(),
      [this](const Observation::Point& point) { return point.step > *step_; });
  if (after == entry.curve.begin()) return nullptr;
  const std::vector<double>& values = std::prev(after)->values;
  return AllFinite(values) ? &values : nullptr;
}

bool TrialValues::IsKnown(int i) const {
  const Entry& entry = trials_[i];
  if (entry.failed) return false;
  return step_ ? AtStep(entry) != nullptr : entry.completed;
}

double TrialValues::Value(int i, int objective) const {
  const Entry& entry = trials_[i];
  if (!IsKnown(i)) return entry.assumed[objective];
  return step_ ? (*AtStep(entry))[objective] : entry.values[objective];
}

void TrialValues::Assume(int i, int objective, double value) {
  trials_[i].assumed[objective] = value;
}

double TrialValues::NoiseMultiplier(int i) const {
  const double own = 1.0 / trials_[i].runs;
  return IsKnown(i) || HasFailed(i) ? own : kAssumedNoise * own;
}

}  // namespace assay
