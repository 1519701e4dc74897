#include "search/pareto.h"

#include <algorithm>
#include <cmath>

namespace assay {
namespace {

// [objectives], larger is better; empty if one is missing or NaN.
std::vector<double> Values(const StudySpec& spec, const Trial& trial) {
  std::vector<double> values;
  for (const int i : Objectives(spec)) {
    const MetricSpec& metric = spec.metrics[i];
    const auto it = trial.final_metrics.find(metric.name);
    if (it == trial.final_metrics.end() || std::isnan(it->second)) return {};
    values.push_back(metric.goal == Goal::kMaximize ? it->second : -it->second);
  }
  return values;
}

struct Point {
  std::vector<double> values;
  const Trial* trial = nullptr;
};

bool Dominates(const Point& a, const Point& b) {
  bool better = false;
  for (size_t i = 0; i < a.values.size(); ++i) {
    if (a.values[i] < b.values[i]) return false;
    better |= a.values[i] > b.values[i];
  }
  return better;
}

// Sorted by the first objective, so that most points meet their better early.
std::vector<Point> Front(std::vector<Point> points) {
  std::stable_sort(
      points.begin(), points.end(),
      [](const Point& a, const Point& b) { return a.values > b.values; });
  std::vector<Point> front;
  for (Point& point : points) {
    const bool beaten = std::any_of(
        front.begin(), front.end(),
        [&](const Point& other) { return Dominates(other, point); });
    if (!beaten) front.push_back(std::move(point));
  }
  return front;
}

}  // namespace

bool IsFeasible(const StudySpec& spec, const Trial& trial) {
  return std::all_of(
      spec.metrics.begin(), spec.metrics.end(), [&](const MetricSpec& metric) {
        if (!metric.bound) return true;
        const auto it = trial.final_metrics.find(metric.name);
        return it != trial.final_metrics.end() && !std::isnan(it->second) &&
               !IsBetter(*metric.bound, it->second, metric.goal);
      });
}

std::vector<Trial> ParetoFront(const StudySpec& spec,
                               const std::vector<Trial>& trials) {
  std::vector<Point> feasible, all;
  for (const Trial& trial : trials) {
    Point point{Values(spec, trial), &trial};
    if (point.values.empty()) continue;
    if (IsFeasible(spec, trial)) feasible.push_back(point);
    all.push_back(std::move(point));
  }
  std::vector<Trial> front;
  for (const Point& point :
       Front(feasible.empty() ? std::move(all) : std::move(feasible))) {
    front.push_back(*point.trial);
  }
  std::sort(front.begin(), front.end(),
            [](const Trial& a, const Trial& b) { return a.number < b.number; });
  return front;
}

}  // namespace assay
