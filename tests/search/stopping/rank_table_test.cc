#include "search/stopping/rank_table.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/math/random.h"

namespace assay {
namespace {

const double kInfinity = std::numeric_limits<double>::infinity();

TEST(RankTableTest, OneObjectiveRanksByViolationThenCost) {
  RankTable table;
  table.Add({0, {3}});
  table.Add({2, {1}});
  table.Add({0, {5}});
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(table.Ahead({0, {3}}), 0u);
  EXPECT_EQ(table.Ahead({0, {4}}), 1u);
  EXPECT_EQ(table.Ahead({1, {-9}}), 2u);
  EXPECT_EQ(table.Ahead({2, {1}}), 2u);
  EXPECT_EQ(table.Ahead({2, {2}}), 3u);
  table.Remove({0, {3}});
  EXPECT_EQ(table.Ahead({0, {4}}), 0u);
}

TEST(RankTableTest, QuantilesInterpolate) {
  RankTable table;
  for (const double cost : {4.0, 1.0, 3.0, 2.0}) table.Add({0, {cost}});
  EXPECT_EQ(table.Quantile(0).costs[0], 1);
  EXPECT_EQ(table.Quantile(0.5).costs[0], 2.5);
  EXPECT_DOUBLE_EQ(table.Quantile(0.25).costs[0], 1.75);
  EXPECT_EQ(table.Quantile(1).costs[0], 4);
  EXPECT_TRUE(table.IsBehind({0, {2.6}}, 0.5));
  EXPECT_FALSE(table.IsBehind({0, {2.5}}, 0.5));
}

TEST(RankTableTest, InfinityIsANumberLikeAnyOther) {
  RankTable table;
  for (int i = 0; i < 3; ++i) table.Add({0, {kInfinity}});
  EXPECT_EQ(table.Quantile(0.5).costs[0], kInfinity);
  EXPECT_EQ(table.Ahead({0, {kInfinity}}), 0u);
  EXPECT_FALSE(table.IsBehind({0, {kInfinity}}, 0.5));
  EXPECT_FALSE(table.IsBehind({0, {1e308}}, 0.1));
}

TEST(RankTableTest, SeveralObjectivesRankByHowManyDominate) {
  RankTable table;
  table.Add({0, {1, 4}});
  table.Add({0, {2, 2}});
  table.Add({0, {4, 1}});
  table.Add({0, {3, 3}});  // (2, 2) dominates it.
  EXPECT_EQ(table.Ahead({0, {2, 2}}), 0u);
  EXPECT_EQ(table.Ahead({0, {3, 3}}), 3u);
  EXPECT_EQ(table.Ahead({0, {5, 5}}), 4u);
  table.Remove({0, {2, 2}});
  EXPECT_EQ(table.Ahead({0, {3, 3}}), 0u);
}

TEST(RankTableTest, BrokenBoundsRankBehindWithSeveralObjectivesToo) {
  RankTable table;
  table.Add({0, {9, 9}});
  table.Add({1, {1, 1}});
  EXPECT_EQ(table.Ahead({1, {0, 0}}), 1u);
  EXPECT_EQ(table.Ahead({2, {0, 0}}), 2u);
  EXPECT_EQ(table.Ahead({0, {9, 9}}), 0u);
}

// A second objective that says the same changes no rank.
TEST(RankTableTest, BothWaysAgreeWhereThereIsAnOrder) {
  Random random(3);
  RankTable one, two;
  for (int i = 0; i < 300; ++i) {
    const double cost = static_cast<double>(random.Below(50));
    const double violation = static_cast<double>(random.Below(2));
    one.Add({violation, {cost}});
    two.Add({violation, {cost, 2 * cost}});
    if (i % 3 == 0) {
      one.Remove({violation, {cost}});
      two.Remove({violation, {cost, 2 * cost}});
    }
    const double asked = static_cast<double>(random.Below(50));
    EXPECT_EQ(one.Ahead({0, {asked}}), two.Ahead({0, {asked, 2 * asked}}));
  }
}

}  // namespace
}  // namespace assay
