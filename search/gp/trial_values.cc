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

void TrialValues::AddCurve(const Observation& observation, Entry& entry) const {
  if (!WantsCurves()) return;
  for (const Observation::Point& point : observation.curve) {
    entry.curve.push_back({point.step, point.values, results_});
  }
}

void TrialValues::Learn(const Observation& observation) {
  Entry entry{.failed = observation.HasFailed(),
              .result = results_,
              .completed = observation.IsComplete() ? results_ : kNever,
              .runs = observation.runs,
              .values = observation.values};
  if (entry.failed) {
    entry.values.assign(objectives_, std::numeric_limits<double>::quiet_NaN());
  } else {
    AddCurve(observation, entry);
  }
  entry.assumed = entry.values;
  completed_ += observation.IsComplete() ? 1 : 0;
  trials_.push_back(std::move(entry));
  seen_ = ++results_;
}

void TrialValues::LearnLonger(int i, const Observation& observation) {
  Entry& entry = trials_[i];
  AddCurve(observation, entry);
  if (observation.IsComplete() && entry.completed == kNever) {
    entry.completed = results_;
    entry.values = observation.values;
    ++completed_;
  }
  seen_ = ++results_;
}

void TrialValues::ChooseStep(int count) {
  See(count);
  step_ = std::nullopt;
  int completed = 0;
  std::vector<int64_t> reached;
  for (const Entry& entry : trials_) {
    if (entry.result >= count) break;
    completed += IsCompleted(entry) ? 1 : 0;
    if (const auto step = Reached(entry)) reached.push_back(*step);
  }
  if (completed >= enough_) return;
  if (static_cast<int>(reached.size()) < enough_) return;
  const auto least = reached.begin() + enough_ - 1;
  std::nth_element(reached.begin(), least, reached.end(), std::greater<>());
  step_ = *least;
}

std::optional<int64_t> TrialValues::Reached(const Entry& entry) const {
  for (auto it = entry.curve.rbegin(); it != entry.curve.rend(); ++it) {
    if (it->result < seen_) return it->step;
  }
  return std::nullopt;
}

const std::vector<double>* TrialValues::AtStep(const Entry& entry) const {
  const std::optional<int64_t> reached = Reached(entry);
  if (!reached || *reached < *step_) {
    return IsCompleted(entry) ? &entry.values : nullptr;
  }
  const auto after =
      std::find_if(entry.curve.begin(), entry.curve.end(),
                   [this](const Point& point) { return point.step > *step_; });
  if (after == entry.curve.begin()) return nullptr;
  const std::vector<double>& values = std::prev(after)->values;
  return AllFinite(values) ? &values : nullptr;
}

bool TrialValues::IsKnown(int i) const {
  const Entry& entry = trials_[i];
  if (entry.failed) return false;
  return step_ ? AtStep(entry) != nullptr : IsCompleted(entry);
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
