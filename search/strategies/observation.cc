#include "search/strategies/observation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double FiniteOrNaN(double value) { return std::isfinite(value) ? value : kNaN; }

double FinalValue(const Trial& trial, const MetricSpec& metric) {
  const auto it = trial.final_metrics.find(metric.name);
  return it == trial.final_metrics.end() ? kNaN : FiniteOrNaN(it->second);
}

double LargerIsBetter(const MetricSpec& metric, double value) {
  return metric.goal == Goal::kMaximize ? value : -value;
}

bool HasResult(TrialState state) {
  return state == TrialState::kCompleted || state == TrialState::kStopped;
}

bool AllFinite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value); });
}

}  // namespace

bool Observation::IsComplete() const {
  return state == TrialState::kCompleted && AllFinite(values);
}

bool Observation::IsStopped() const {
  return state == TrialState::kStopped && AllFinite(values);
}

bool Observation::IsFeasible() const { return Violation() == 0; }

double Observation::Violation() const {
  double sum = 0;
  for (const double violation : violations) {
    if (std::isnan(violation)) return std::numeric_limits<double>::infinity();
    sum += std::max(violation, 0.0);
  }
  return sum;
}

Observation ToObservation(const Trial& trial, const StudySpec& spec) {
  Observation observation{.id = trial.id,
                          .state = trial.state,
                          .origin = trial.origin,
                          .parameters = trial.parameters,
                          .point = spec.space.Encode(trial.parameters),
                          .last_step = trial.last_step,
                          .replicate = trial.replicate};
  for (const MetricSpec& metric : spec.metrics) {
    const double value = LargerIsBetter(
        metric, HasResult(trial.state) ? FinalValue(trial, metric) : kNaN);
    if (metric.bound) {
      observation.violations.push_back(LargerIsBetter(metric, *metric.bound) -
                                       value);
    } else {
      observation.values.push_back(value);
    }
  }
  return observation;
}

}  // namespace assay
