#include "search/pareto.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

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

// --- The knee ---------------------------------------------------------------

using Vector = std::vector<double>;

bool IsFinite(const Vector& values) {
  return !values.empty() &&
         std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value); });
}

// Each column to [0, 1]; columns of equal values go. `points` is
// [points][objectives], of equal sizes, finite.
void Normalize(std::vector<Vector>& points) {
  for (size_t k = points[0].size(); k-- > 0;) {
    const auto [low, high] = std::minmax_element(
        points.begin(), points.end(),
        [k](const Vector& a, const Vector& b) { return a[k] < b[k]; });
    const double min = (*low)[k];
    // Halves first: the range itself may overflow.
    const double half_range = (*high)[k] / 2 - min / 2;
    for (Vector& point : points) {
      if (half_range > 0) {
        point[k] = (point[k] / 2 - min / 2) / half_range;
      } else {
        point.erase(point.begin() + static_cast<std::ptrdiff_t>(k));
      }
    }
  }
}

// For each objective the point that is best in it, of several the one with the
// largest sum. [objectives][objectives].
std::vector<Vector> Extremes(const std::vector<Vector>& points) {
  std::vector<Vector> extremes;
  for (size_t k = 0; k < points[0].size(); ++k) {
    const auto key = [k](const Vector& p) {
      return std::pair(p[k], std::accumulate(p.begin(), p.end(), 0.0));
    };
    extremes.push_back(*std::max_element(
        points.begin(), points.end(),
        [&](const Vector& a, const Vector& b) { return key(a) < key(b); }));
  }
  return extremes;
}

// n with row . n = 1 for each row, by Gaussian elimination with row pivots;
// empty if there is none.
Vector Solve(std::vector<Vector> rows) {
  constexpr double kTiny = 1e-9;  // Values are within [0, 1].
  const size_t size = rows.size();
  for (Vector& row : rows) row.push_back(1);
  for (size_t k = 0; k < size; ++k) {
    const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(k);
    const auto pivot =
        std::max_element(begin, rows.end(), [k](const auto& a, const auto& b) {
          return std::abs(a[k]) < std::abs(b[k]);
        });
    if (std::abs((*pivot)[k]) < kTiny) return {};
    std::swap(*begin, *pivot);
    for (size_t i = 0; i < size; ++i) {
      if (i == k) continue;
      const double factor = rows[i][k] / rows[k][k];
      for (size_t j = k; j <= size; ++j) rows[i][j] -= factor * rows[k][j];
    }
  }
  Vector solution(size);
  for (size_t k = 0; k < size; ++k) solution[k] = rows[k][size] / rows[k][k];
  return solution;
}

// The normal n of the hyperplane n . x = 1.
Vector NormalThroughExtremes(const std::vector<Vector>& points) {
  const Vector normal = Solve(Extremes(points));
  const bool falls =
      !normal.empty() &&
      std::all_of(normal.begin(), normal.end(),
                  [](double component) { return component > 0; });
  return falls ? normal : Vector(points[0].size(), 1.0);
}

// The point with the largest n . x above 1, which orders as the distance does.
std::optional<size_t> Farthest(const std::vector<Vector>& points,
                               const Vector& normal) {
  constexpr double kRounding = 1e-9;
  double farthest = 1 + kRounding;
  std::optional<size_t> index;
  for (size_t i = 0; i < points.size(); ++i) {
    const double height = std::inner_product(points[i].begin(), points[i].end(),
                                             normal.begin(), 0.0);
    if (height <= farthest) continue;
    farthest = height + kRounding;
    index = i;
  }
  return index;
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

std::optional<size_t> Knee(const StudySpec& spec,
                           const std::vector<Trial>& front) {
  constexpr size_t kLeast = 3;
  std::vector<Vector> points;
  std::vector<size_t> indices;  // In `front`.
  for (size_t i = 0; i < front.size(); ++i) {
    Vector values = Values(spec, front[i]);
    if (!IsFinite(values)) continue;
    points.push_back(std::move(values));
    indices.push_back(i);
  }
  if (points.size() < kLeast) return std::nullopt;
  Normalize(points);
  if (points[0].size() < 2) return std::nullopt;
  const std::optional<size_t> knee =
      Farthest(points, NormalThroughExtremes(points));
  if (!knee) return std::nullopt;
  return indices[*knee];
}

}  // namespace assay
