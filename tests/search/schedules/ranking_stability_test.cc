#include "search/schedules/ranking_stability.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(RankingStabilityTest, TheSameOrderIsStable) {
  EXPECT_TRUE(IsRankingStable({{{1, 0.5}, {2, 0.6}, {3, 0.1}}, {{2, 0.9}}}));
  EXPECT_TRUE(
      IsRankingStable({{{1, 0.5}, {2, 0.6}, {3, 0.1}}, {{1, 0.7}, {2, 0.8}}}));
}

TEST(RankingStabilityTest, AnotherOrderIsNot) {
  EXPECT_FALSE(
      IsRankingStable({{{1, 0.5}, {2, 0.6}, {3, 0.1}}, {{1, 0.9}, {2, 0.8}}}));
}

TEST(RankingStabilityTest, PairsThatTurnTwiceAreNoise) {
  // 1 and 2 change places at the second rung and at the third.
  const RungValues noisy = {{{1, 0.50}, {2, 0.51}, {3, 0.1}},
                            {{1, 0.62}, {2, 0.60}, {3, 0.2}},
                            {{1, 0.70}, {2, 0.71}, {3, 0.3}}};
  EXPECT_NEAR(RankingNoise(noisy), 0.02, 1e-12);
  EXPECT_TRUE(IsRankingStable(noisy));
  // 3 comes from far behind: that is none.
  RungValues changed = noisy;
  changed[2][3] = 0.9;
  EXPECT_FALSE(IsRankingStable(changed));
}

TEST(RankingStabilityTest, TheNoiseIsThe90thPercentile) {
  RungValues values(3);
  for (int64_t i = 0; i < 10; ++i) {
    // Pairs (2i, 2i + 1), far from all others, that turn twice by i + 1.
    const double base = static_cast<double>(100 * i);
    const double gap = static_cast<double>(i + 1);
    values[0][2 * i] = base, values[0][2 * i + 1] = base + gap;
    values[1][2 * i] = base + gap, values[1][2 * i + 1] = base;
    values[2][2 * i] = base, values[2][2 * i + 1] = base + gap;
  }
  EXPECT_EQ(RankingNoise(values), 9);
}

}  // namespace
}  // namespace assay
