#include "search/strategies/evolution/non_dominated_sort.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/math/random.h"
#include "search/strategies/evolution/fitness.h"
#include "tests/search/strategies/evolution/results.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<int> Fronts(const std::vector<Rank>& ranks) {
  std::vector<int> fronts;
  for (const Rank& rank : ranks) fronts.push_back(rank.front);
  return fronts;
}

std::vector<double> Crowding(const std::vector<Rank>& ranks) {
  std::vector<double> crowding;
  for (const Rank& rank : ranks) crowding.push_back(rank.crowding);
  return crowding;
}

std::vector<Observation> RandomResults(int count, int objectives) {
  Random random(3);
  std::vector<Observation> trials;
  for (int i = 0; i < count; ++i) {
    std::vector<double> values;
    for (int m = 0; m < objectives; ++m) {
      values.push_back(static_cast<double>(random.Below(8)));
    }
    trials.push_back(Completed(std::move(values)));
  }
  return trials;
}

TEST(NonDominatedSortTest, WithOneObjectiveAFrontIsOneValue) {
  const auto ranks = NonDominatedSort(std::vector<Observation>{
      Completed({1}), Completed({3}), Completed({1}), Completed({2})});
  EXPECT_THAT(Fronts(ranks), ElementsAre(2, 0, 2, 1));
}

TEST(NonDominatedSortTest, FailedTrialsAreTheLastFrontWithoutCrowding) {
  const auto ranks = NonDominatedSort(
      std::vector<Observation>{Failed(), Completed({1, 2}), Failed()});
  EXPECT_THAT(Fronts(ranks), ElementsAre(1, 0, 1));
  EXPECT_THAT(Crowding(ranks), ElementsAre(0, kInfinity, 0));
}

// A trial is in front k exactly if the best that dominates it is in front k-1.
TEST(NonDominatedSortTest, AFrontIsDominatedByTheOneBeforeAlone) {
  for (const int objectives : {1, 2, 3}) {
    const std::vector<Observation> trials = RandomResults(60, objectives);
    const std::vector<Rank> ranks = NonDominatedSort(trials);
    for (size_t i = 0; i < trials.size(); ++i) {
      int last = -1;
      for (size_t k = 0; k < trials.size(); ++k) {
        if (Dominates(trials[k], trials[i])) {
          last = std::max(last, ranks[k].front);
        }
      }
      EXPECT_EQ(ranks[i].front, last + 1);
    }
  }
}

// By hand.
TEST(NonDominatedSortTest,
     CrowdingIsTheGapBetweenNeighboursAsAShareOfTheRange) {
  const auto ranks = NonDominatedSort(std::vector<Observation>{
      Completed({3, 7}), Completed({0, 8}), Completed({8, 0}),
      Completed({5, 4}), Completed({1, 7.5})});
  EXPECT_THAT(Fronts(ranks), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_DOUBLE_EQ(ranks[0].crowding, 4 / 8. + 3.5 / 8.);
  EXPECT_DOUBLE_EQ(ranks[3].crowding, 5 / 8. + 7 / 8.);
  EXPECT_DOUBLE_EQ(ranks[4].crowding, 3 / 8. + 1 / 8.);
  EXPECT_EQ(ranks[1].crowding, kInfinity);
  EXPECT_EQ(ranks[2].crowding, kInfinity);
}

TEST(NonDominatedSortTest, EqualsInTheMiddleAreCrowded) {
  const auto ranks = NonDominatedSort(std::vector<Observation>{
      Completed({0, 2}), Completed({1, 1}), Completed({1, 1}),
      Completed({1, 1}), Completed({2, 0})});
  EXPECT_EQ(ranks[2].crowding, 0);
}

TEST(NonDominatedSortTest, TheSmallerFrontPrecedesThenTheLonelier) {
  EXPECT_TRUE(Precedes({0, 0}, {1, kInfinity}));
  EXPECT_TRUE(Precedes({1, 2}, {1, 1}));
  EXPECT_FALSE(Precedes({1, 1}, {1, 1}));
}

TEST(NonDominatedSortTest, NothingIsNothing) {
  EXPECT_TRUE(NonDominatedSort({}).empty());
}

}  // namespace
}  // namespace assay
