#include "search/strategies/tpe/front_selection.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

namespace assay {
namespace {

constexpr double kMargin = 0.1;  // Of the reference, as a share of the range.
constexpr size_t kMostObjectives = 4;  // Whose volumes are cheap.

using Points = absl::Span<const std::vector<double>>;

bool Beats(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] < b[i]) return false;
    better |= a[i] > b[i];
  }
  return better;
}

// Takes the front out of `rest`, which is sorted so that a point comes after
// those that beat it.
std::vector<int> TakeFront(Points points, std::vector<int>& rest) {
  std::vector<int> front, beaten;
  for (const int i : rest) {
    const bool is_beaten = std::any_of(front.begin(), front.end(), [&](int k) {
      return Beats(points[k], points[i]);
    });
    (is_beaten ? beaten : front).push_back(i);
  }
  rest = std::move(beaten);
  return front;
}

// [front]: the gap between both neighbours, as a share of the front's range,
// over all objectives.
std::vector<double> Crowding(Points points, const std::vector<int>& front) {
  std::vector<double> crowding(front.size(), 0.0);
  std::vector<int> order(front.size());
  for (size_t objective = 0; objective < points[0].size(); ++objective) {
    const auto value = [&](int i) { return points[front[i]][objective]; };
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return value(a) < value(b); });
    const double range = value(order.back()) - value(order.front());
    if (!(range > 0)) continue;
    crowding[order.front()] = std::numeric_limits<double>::infinity();
    crowding[order.back()] = std::numeric_limits<double>::infinity();
    for (size_t i = 1; i + 1 < order.size(); ++i) {
      crowding[order[i]] += (value(order[i + 1]) - value(order[i - 1])) / range;
    }
  }
  return crowding;
}

std::vector<int> LeastCrowded(Points points, const std::vector<int>& front,
                              size_t count) {
  const std::vector<double> crowding = Crowding(points, front);
  std::vector<int> order(front.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return crowding[a] > crowding[b]; });
  std::vector<int> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(front[order[i]]);
  return chosen;
}

using Point = std::vector<double>;  // Above the reference, each > 0.

double BoxVolume(const Point& point) {
  return std::accumulate(point.begin(), point.end(), 1.0, std::multiplies<>());
}

double VolumeOf(std::vector<Point> points);

// What `point` covers and none of `others` does (While et al. 2012, "WFG").
double VolumeAlone(const Point& point, absl::Span<const Point> others) {
  std::vector<Point> covered;  // Each other's share of the point's box.
  for (const Point& other : others) {
    Point least = point;
    for (size_t k = 0; k < least.size(); ++k) {
      least[k] = std::min(least[k], other[k]);
    }
    const auto holds = [&](const Point& by) {
      return by == least || Beats(by, least);
    };
    if (std::any_of(covered.begin(), covered.end(), holds)) continue;
    covered.push_back(std::move(least));
  }
  return BoxVolume(point) - VolumeOf(std::move(covered));
}

double VolumeOf(std::vector<Point> points) {
  std::sort(points.begin(), points.end(), std::greater<>());
  double volume = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    volume +=
        VolumeAlone(points[i], absl::MakeConstSpan(points).subspan(i + 1));
  }
  return volume;
}

// The front's points above its worst values less a tenth of its ranges.
std::vector<Point> AboveReference(Points points,
                                  const std::vector<int>& front) {
  std::vector<Point> above;
  for (const int i : front) above.push_back(points[i]);
  for (size_t k = 0; k < above[0].size(); ++k) {
    double low = above[0][k], high = low;
    for (const Point& point : above) {
      low = std::min(low, point[k]), high = std::max(high, point[k]);
    }
    const double range = high > low ? high - low : 1;
    for (Point& point : above) {
      const double share = (point[k] - low) / range;
      point[k] = kMargin + (std::isfinite(share) ? share : 0);
    }
  }
  return above;
}

// Greedily. What a point adds to the chosen ones falls with their number, so
// that what it added before is a bound.
std::vector<int> LargestVolume(Points points, const std::vector<int>& front,
                               size_t count) {
  const std::vector<Point> above = AboveReference(points, front);
  std::vector<std::pair<double, int>> bounds;  // A heap.
  for (size_t i = 0; i < front.size(); ++i) {
    bounds.emplace_back(BoxVolume(above[i]), -static_cast<int>(i));
  }
  std::make_heap(bounds.begin(), bounds.end());
  std::vector<Point> chosen_points;
  std::vector<int> chosen;
  while (chosen.size() < count) {
    std::pop_heap(bounds.begin(), bounds.end());
    const int i = -bounds.back().second;
    bounds.back().first = VolumeAlone(above[i], chosen_points);
    if (bounds.back() < bounds.front()) {
      std::push_heap(bounds.begin(), bounds.end());
      continue;
    }
    bounds.pop_back();
    chosen_points.push_back(above[i]);
    chosen.push_back(front[i]);
  }
  return chosen;
}

std::vector<int> PartOf(Points points, const std::vector<int>& front,
                        size_t count) {
  if (points[0].size() <= kMostObjectives) {
    return LargestVolume(points, front, count);
  }
  return LeastCrowded(points, front, count);
}

}  // namespace

std::vector<int> SelectByFronts(Points points, int count) {
  assert(count >= 0 && count <= static_cast<int>(points.size()));
  std::vector<int> rest(points.size());
  std::iota(rest.begin(), rest.end(), 0);
  std::stable_sort(rest.begin(), rest.end(),
                   [&](int a, int b) { return points[a] > points[b]; });
  std::vector<int> selected;
  while (static_cast<int>(selected.size()) < count) {
    std::vector<int> front = TakeFront(points, rest);
    const size_t left = count - selected.size();
    if (front.size() > left) front = PartOf(points, front, left);
    selected.insert(selected.end(), front.begin(), front.end());
  }
  std::sort(selected.begin(), selected.end());
  return selected;
}

}  // namespace assay
