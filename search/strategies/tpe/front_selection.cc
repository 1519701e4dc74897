#include "search/strategies/tpe/front_selection.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>
#include <utility>

namespace assay {
namespace {

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
    if (front.size() > left) front = LeastCrowded(points, front, left);
    selected.insert(selected.end(), front.begin(), front.end());
  }
  std::sort(selected.begin(), selected.end());
  return selected;
}

}  // namespace assay
