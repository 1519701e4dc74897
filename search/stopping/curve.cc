#include "search/stopping/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"

namespace assay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double OrWorst(double cost) { return std::isnan(cost) ? kInfinity : cost; }

bool IsBefore(const Curve::Point& point, int64_t step) {
  return point.step < step;
}
bool IsAfter(int64_t step, const Curve::Point& point) {
  return step < point.step;
}

}  // namespace

Watched WatchedMetric(const StudySpec& spec) {
  for (const MetricSpec& metric : spec.metrics) {
    if (metric.name == spec.stopping.metric) return {metric.name, metric.goal};
  }
  const MetricSpec& objective = spec.metrics[Objectives(spec)[0]];
  return {objective.name, objective.goal};
}

double ToCost(double value, Goal goal) {
  return OrWorst(goal == Goal::kMaximize ? -value : value);
}

std::string CostText(double cost, Goal goal) {
  if (cost == kInfinity) return "nan";
  return absl::StrFormat("%.6g", goal == Goal::kMaximize ? -cost : cost);
}

void Curve::Add(int64_t step, double cost) {
  const auto it =
      std::lower_bound(points_.begin(), points_.end(), step, IsBefore);
  const size_t i = static_cast<size_t>(it - points_.begin());
  if (it != points_.end() && it->step == step) {
    it->cost = cost;
  } else {
    points_.insert(it, {step, cost, cost, cost, cost, step});
  }
  for (size_t k = i; k < points_.size(); ++k) Summarize(k);
}

// Derives the summary of point i from that of the point before.
void Curve::Summarize(size_t i) {
  Point& point = points_[i];
  if (i == 0) {
    point = {point.step, point.cost, point.cost,
             point.cost, point.cost, point.step};
    return;
  }
  const Point& before = points_[i - 1];
  const double n = static_cast<double>(i + 1);
  point.mean = OrWorst(before.mean + (point.cost - before.mean) / n);
  point.best = std::min(before.best, point.cost);
  const bool improved = point.cost < before.mark - min_delta_;
  point.mark = improved ? point.cost : before.mark;
  point.mark_step = improved ? point.step : before.mark_step;
}

const Curve::Point* Curve::FirstFrom(int64_t step) const {
  const auto it =
      std::lower_bound(points_.begin(), points_.end(), step, IsBefore);
  return it == points_.end() ? nullptr : &*it;
}

const Curve::Point* Curve::LastUpTo(int64_t step) const {
  const auto it =
      std::upper_bound(points_.begin(), points_.end(), step, IsAfter);
  return it == points_.begin() ? nullptr : &*(it - 1);
}

const Curve::Point* JudgedPoint(const Curve& curve, int64_t warmup,
                                int64_t interval) {
  if (curve.points().empty()) return nullptr;
  const int64_t reached = curve.points().back().step;
  if (reached < warmup) return nullptr;
  return curve.FirstFrom(reached - (reached - warmup) % interval);
}

const Curve* RunningCurves::Add(TrialId trial, int32_t attempt,
                                const Measurement& measurement) {
  const auto value = measurement.metrics.find(watched_.metric);
  if (value == measurement.metrics.end()) return nullptr;
  Run& run =
      runs_.try_emplace(trial, Run{attempt, Curve(min_delta_)}).first->second;
  if (attempt < run.attempt) return nullptr;
  if (attempt > run.attempt) run = {attempt, Curve(min_delta_)};
  run.curve.Add(measurement.step, ToCost(value->second, watched_.goal));
  return &run.curve;
}

const Curve* RunningCurves::Find(TrialId trial) const {
  const auto it = runs_.find(trial);
  return it == runs_.end() ? nullptr : &it->second.curve;
}

Curve RunningCurves::Remove(TrialId trial) {
  const auto it = runs_.find(trial);
  if (it == runs_.end()) return Curve(min_delta_);
  Curve curve = std::move(it->second.curve);
  runs_.erase(it);
  return curve;
}

}  // namespace assay
