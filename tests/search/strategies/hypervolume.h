#pragma once

#include <algorithm>
#include <functional>
#include <vector>

namespace assay {

using Point = std::vector<double>;

// Adds a point to those that none of the others is as good as.
inline void AddToFront(std::vector<Point>& front, const Point& point) {
  const auto as_good = [](const Point& a, const Point& b) {
    return std::equal(a.begin(), a.end(), b.begin(), std::less_equal());
  };
  for (const Point& other : front) {
    if (as_good(other, point)) return;
  }
  front.erase(
      std::remove_if(front.begin(), front.end(),
                     [&](const Point& other) { return as_good(point, other); }),
      front.end());
  front.push_back(point);
}

// The volume that `points` dominate up to `reference`, smaller is better: a sum
// over slices of the last coordinate.
inline double Hypervolume(std::vector<Point> points, Point reference) {
  const double end = reference.back();
  reference.pop_back();
  std::sort(points.begin(), points.end(),
            [](const Point& a, const Point& b) { return a.back() < b.back(); });
  double volume = 0;
  std::vector<Point> slice;  // Of those that begin below, without it.
  for (size_t i = 0; i < points.size() && points[i].back() < end; ++i) {
    const double next = i + 1 < points.size() ? points[i + 1].back() : end;
    const double depth = std::min(next, end) - points[i].back();
    points[i].pop_back();
    AddToFront(slice, points[i]);
    if (depth <= 0) continue;
    volume += depth * (reference.empty() ? 1 : Hypervolume(slice, reference));
  }
  return volume;
}

}  // namespace assay
