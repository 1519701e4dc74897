#include "search/math/signed_rank.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "search/math/normal.h"

namespace assay {
namespace {

// A difference and twice its rank among the absolute ones, a whole number.
struct Ranked {
  double difference;
  int64_t twice_rank = 0;
};

struct Ranking {
  std::vector<Ranked> pairs;
  double tie_correction = 0;  // Sum of t^3 - t over groups of t equal ones.
};

Ranking Rank(absl::Span<const double> differences) {
  Ranking ranking;
  for (const double d : differences) {
    ranking.pairs.push_back({std::isnan(d) ? 0 : d});
  }
  std::vector<Ranked>& pairs = ranking.pairs;
  std::sort(pairs.begin(), pairs.end(), [](const Ranked& a, const Ranked& b) {
    return std::abs(a.difference) < std::abs(b.difference);
  });
  for (size_t begin = 0, end = 0; begin < pairs.size(); begin = end) {
    while (end < pairs.size() && std::abs(pairs[end].difference) ==
                                     std::abs(pairs[begin].difference)) {
      ++end;
    }
    // The mean of the ranks begin + 1 to end.
    for (size_t i = begin; i < end; ++i) {
      pairs[i].twice_rank = static_cast<int64_t>(begin + 1 + end);
    }
    const double t = static_cast<double>(end - begin);
    ranking.tie_correction += t * t * t - t;
  }
  return ranking;
}

// The share of signs that give the positive ones so large a sum, or larger.
// Zeros add the same to each.
double ExactP(const std::vector<Ranked>& pairs) {
  int64_t positive = 0, total = 0;
  for (const Ranked& pair : pairs) {
    if (pair.difference > 0) positive += pair.twice_rank;
    if (pair.difference != 0) total += pair.twice_rank;
  }
  std::vector<double> chances(static_cast<size_t>(total) + 1, 0.0);
  chances[0] = 1;
  int64_t reached = 0;
  for (const Ranked& pair : pairs) {
    if (pair.difference == 0) continue;
    reached += pair.twice_rank;
    for (int64_t sum = reached; sum >= 0; --sum) {
      const int64_t before = sum - pair.twice_rank;
      const double with = before >= 0 ? chances[before] : 0;
      chances[sum] = (chances[sum] + with) / 2;
    }
  }
  double p = 0;
  for (int64_t sum = total; sum >= positive; --sum) p += chances[sum];
  return std::min(p, 1.0);
}

double NormalP(const Ranking& ranking) {
  const double n = static_cast<double>(ranking.pairs.size());
  double positive = 0;
  for (const Ranked& pair : ranking.pairs) {
    const double rank = static_cast<double>(pair.twice_rank) / 2;
    if (pair.difference >= 0) positive += pair.difference > 0 ? rank : rank / 2;
  }
  const double mean = n * (n + 1) / 4;
  const double variance =
      (n * (n + 1) * (2 * n + 1) - ranking.tie_correction / 2) / 24;
  if (variance <= 0) return 1;
  return NormalCdf((mean - positive) / std::sqrt(variance));
}

}  // namespace

double SignedRankP(absl::Span<const double> differences) {
  const Ranking ranking = Rank(differences);
  if (differences.size() <= kMaxExactPairs) return ExactP(ranking.pairs);
  return NormalP(ranking);
}

}  // namespace assay
