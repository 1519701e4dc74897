#include "search/schedules/ranking_stability.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace assay {
namespace {

constexpr double kPercentile = 0.9;

// Of those in `members`, best first; equals by their number.
std::vector<int64_t> RankingOf(const std::map<int64_t, double>& members,
                               const std::map<int64_t, double>& values) {
  std::vector<int64_t> ranking;
  for (const auto& [id, value] : members) ranking.push_back(id);
  std::stable_sort(ranking.begin(), ranking.end(), [&](int64_t a, int64_t b) {
    return values.at(a) > values.at(b);
  });
  return ranking;
}

// How often the order of `a` and `b` turned from rung to rung.
int Turns(const RungValues& values, int64_t a, int64_t b) {
  int turns = 0;
  double before = 0;
  for (const auto& rung : values) {
    if (!rung.contains(a) || !rung.contains(b)) break;
    const double difference = rung.at(a) - rung.at(b);
    if (difference == 0) continue;
    turns += before != 0 && (difference > 0) != (before > 0);
    before = difference;
  }
  return turns;
}

}  // namespace

double RankingNoise(const RungValues& values) {
  const std::map<int64_t, double>& last = values.back();
  const std::map<int64_t, double>& before = values[values.size() - 2];
  std::vector<double> gaps;
  for (auto a = last.begin(); a != last.end(); ++a) {
    for (auto b = std::next(a); b != last.end(); ++b) {
      if (Turns(values, a->first, b->first) < 2) continue;
      gaps.push_back(std::abs(before.at(a->first) - before.at(b->first)));
    }
  }
  if (gaps.empty()) return 0;
  std::sort(gaps.begin(), gaps.end());
  const double place =
      std::ceil(kPercentile * static_cast<double>(gaps.size()));
  return gaps[static_cast<size_t>(place) - 1];
}

bool IsRankingStable(const RungValues& values) {
  const std::map<int64_t, double>& last = values.back();
  const std::map<int64_t, double>& before = values[values.size() - 2];
  const std::vector<int64_t> now = RankingOf(last, last);
  const std::vector<int64_t> then = RankingOf(last, before);
  const double noise = RankingNoise(values);
  for (size_t i = 0; i < now.size(); ++i) {
    if (std::abs(before.at(now[i]) - before.at(then[i])) > noise) return false;
  }
  return true;
}

}  // namespace assay
