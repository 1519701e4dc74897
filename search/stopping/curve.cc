#include "search/stopping/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

void Curve::Add(int64_t step, double cost) {
  const auto it =
      std::lower_bound(points_.begin(), points_.end(), step, IsBefore);
  const size_t i = static_cast<size_t>(it - points_.begin());
  if (it != points_.end() && it->step == step) {
    it->reported = cost;
  } else {
    points_.insert(it, {step, cost, cost, cost, cost, cost, step});
  }
  for (size_t k = i; k < points_.size(); ++k) Summarize(k);
}

void Curve::CutFrom(int64_t step) {
  points_.erase(
      std::lower_bound(points_.begin(), points_.end(), step, IsBefore),
      points_.end());
}

double Curve::Smoothed(size_t i) const {
  const double reported = points_[i].reported;
  if (i == 0 || options_.smoothing == 0) return reported;
  const double before = points_[i - 1].cost;
  if (!std::isfinite(before) || !std::isfinite(reported)) return reported;
  return options_.smoothing * before + (1 - options_.smoothing) * reported;
}

// Derives the summary of point i from that of the point before.
void Curve::Summarize(size_t i) {
  Point& point = points_[i];
  point.cost = Smoothed(i);
  if (i == 0) {
    point.mean = point.best = point.mark = point.cost;
    point.mark_step = point.step;
    return;
  }
  const Point& before = points_[i - 1];
  const double n = static_cast<double>(i + 1);
  point.mean = OrWorst(before.mean + (point.cost - before.mean) / n);
  point.best = std::min(before.best, point.cost);
  const bool improved = point.cost < before.mark - options_.min_delta;
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

}  // namespace assay
