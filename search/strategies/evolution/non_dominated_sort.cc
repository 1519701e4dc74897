#include "search/strategies/evolution/non_dominated_sort.h"

#include <algorithm>
#include <limits>

#include "search/strategies/evolution/fitness.h"

namespace assay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Indices, front by front.
std::vector<std::vector<int>> Fronts(absl::Span<const Observation> trials) {
  const int n = static_cast<int>(trials.size());
  std::vector<std::vector<int>> beaten(n);  // Those that trial i dominates.
  std::vector<int> beaten_by(n, 0);
  for (int i = 0; i < n; ++i) {
    for (int k = 0; k < n; ++k) {
      if (!Dominates(trials[i], trials[k])) continue;
      beaten[i].push_back(k);
      ++beaten_by[k];
    }
  }
  std::vector<std::vector<int>> fronts(1);
  for (int i = 0; i < n; ++i) {
    if (beaten_by[i] == 0) fronts[0].push_back(i);
  }
  while (!fronts.back().empty()) {
    std::vector<int> next;
    for (const int i : fronts.back()) {
      for (const int k : beaten[i]) {
        if (--beaten_by[k] == 0) next.push_back(k);
      }
    }
    fronts.push_back(std::move(next));
  }
  fronts.pop_back();
  return fronts;
}

void AddCrowding(absl::Span<const Observation> trials, std::vector<int> front,
                 size_t objective, std::vector<Rank>& ranks) {
  const auto value = [&](int i) { return trials[i].values[objective]; };
  std::sort(front.begin(), front.end(), [&](int a, int b) {
    return std::make_pair(value(a), a) < std::make_pair(value(b), b);
  });
  ranks[front.front()].crowding = ranks[front.back()].crowding = kInfinity;
  const double range = value(front.back()) - value(front.front());
  if (range <= 0) return;
  for (size_t k = 1; k + 1 < front.size(); ++k) {
    ranks[front[k]].crowding +=
        (value(front[k + 1]) - value(front[k - 1])) / range;
  }
}

}  // namespace

bool Precedes(const Rank& a, const Rank& b) {
  return a.front != b.front ? a.front < b.front : a.crowding > b.crowding;
}

std::vector<Rank> NonDominatedSort(absl::Span<const Observation> trials) {
  std::vector<Rank> ranks(trials.size());
  int number = 0;
  for (const std::vector<int>& front : Fronts(trials)) {
    for (const int i : front) ranks[i].front = number;
    ++number;
    const Observation& first = trials[front[0]];
    if (first.HasFailed()) continue;
    for (size_t m = 0; m < first.values.size(); ++m) {
      AddCrowding(trials, front, m, ranks);
    }
  }
  return ranks;
}

}  // namespace assay
