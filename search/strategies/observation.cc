#include "search/strategies/observation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "search/gradient/reported_gradient.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double FiniteOrNaN(double value) { return std::isfinite(value) ? value : kNaN; }

double ValueIn(const Metrics& metrics, const MetricSpec& metric) {
  const auto it = metrics.find(metric.name);
  return it == metrics.end() ? kNaN : FiniteOrNaN(it->second);
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

// A program may report its objective at some steps only, other metrics at each.
std::vector<Observation::Point> CurveOf(
    const std::vector<Measurement>& measurements, const StudySpec& spec) {
  const std::vector<int> objectives = Objectives(spec);
  std::map<int64_t, std::vector<std::optional<double>>> by_step;
  for (const Measurement& measurement : measurements) {
    for (size_t k = 0; k < objectives.size(); ++k) {
      const MetricSpec& metric = spec.metrics[objectives[k]];
      if (!measurement.metrics.contains(metric.name)) continue;
      auto& values = by_step[measurement.step];
      values.resize(objectives.size());
      values[k] = LargerIsBetter(metric, ValueIn(measurement.metrics, metric));
    }
  }
  std::vector<Observation::Point> curve;
  std::vector<double> last(objectives.size(), kNaN);
  for (const auto& [step, values] : by_step) {
    for (size_t k = 0; k < last.size(); ++k)
      last[k] = values[k].value_or(last[k]);
    curve.push_back({step, last});
  }
  return curve;
}

// Larger is better, as the value.
UnitGradient Turned(const MetricSpec& metric, UnitGradient gradient) {
  for (double& value : gradient.values) value = LargerIsBetter(metric, value);
  return gradient;
}

UnitGradient GradientOf(const Trial& trial,
                        const std::vector<Measurement>& measurements,
                        const MetricSpec& metric, const StudySpec& spec) {
  const Measurement* report =
      ReportedGradient(trial, measurements, metric.name);
  if (report == nullptr) return {};
  const auto deviations = report->gradient_deviations.find(metric.name);
  return Turned(metric,
                ToUnitGradient(spec.space, trial.parameters,
                               report->gradients.at(metric.name),
                               deviations == report->gradient_deviations.end()
                                   ? std::map<std::string, double>()
                                   : deviations->second));
}

std::vector<UnitGradient> GradientsOf(
    const Trial& trial, const std::vector<Measurement>& measurements,
    const StudySpec& spec) {
  std::vector<UnitGradient> gradients;
  for (const int k : Objectives(spec)) {
    gradients.push_back(GradientOf(trial, measurements, spec.metrics[k], spec));
  }
  const auto any = [](const UnitGradient& g) { return g.Any(); };
  if (std::none_of(gradients.begin(), gradients.end(), any)) gradients.clear();
  return gradients;
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

Observation ToObservation(const Trial& trial, const StudySpec& spec,
                          const std::vector<Measurement>& curve) {
  Observation observation{.id = trial.id,
                          .state = trial.state,
                          .origin = trial.origin,
                          .parameters = trial.parameters,
                          .point = spec.space.Encode(trial.parameters),
                          .last_step = trial.last_step,
                          .replicate = trial.replicate,
                          .curve = CurveOf(curve, spec),
                          .gradients = GradientsOf(trial, curve, spec)};
  for (const MetricSpec& metric : spec.metrics) {
    const double value = LargerIsBetter(
        metric,
        HasResult(trial.state) ? ValueIn(trial.final_metrics, metric) : kNaN);
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
