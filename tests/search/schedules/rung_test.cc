#include "search/schedules/rung.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "search/math/random.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Larger is better.
Observation Measured(int64_t run, std::vector<double> values) {
  return {.id = {run}, .values = std::move(values)};
}

TEST(RungTest, NobodyIsPromotedBeforeThereAreAsManyAsTheReduction) {
  Rung rung(3);
  rung.Add(Measured(1, {5}), true);
  rung.Add(Measured(2, {6}), true);
  EXPECT_EQ(rung.Next({}), std::nullopt);
  rung.Add(Measured(3, {4}), true);
  EXPECT_THAT(rung.Next({}), Optional(TrialId{2}));
}

TEST(RungTest, EachOnceBestFirst) {
  Rung rung(2);
  for (int64_t run = 1; run <= 6; ++run) {
    rung.Add(Measured(run, {static_cast<double>(run)}), true);
  }
  EXPECT_THAT(rung.Next({}), Optional(TrialId{6}));
  EXPECT_THAT(rung.Next({6}), Optional(TrialId{5}));
  rung.MarkPromoted({6});
  rung.MarkPromoted({4});
  EXPECT_THAT(rung.Next({5}), std::nullopt) << "3 is not of the best 3";
}

TEST(RungTest, OfEqualsTheOlderOne) {
  Rung rung(2);
  for (const int64_t run : {4, 2, 3, 1}) rung.Add(Measured(run, {1}), true);
  EXPECT_THAT(rung.Next({}), Optional(TrialId{1}));
  EXPECT_THAT(rung.Next({1}), Optional(TrialId{2}));
  EXPECT_EQ(rung.Next({1, 2}), std::nullopt);
}

TEST(RungTest, AFailedOneCountsAsTheWorst) {
  Rung rung(2);
  rung.Add(Measured(1, {kNaN}), true);
  EXPECT_EQ(rung.Next({}), std::nullopt);
  rung.Add(Measured(2, {-1e9}), true);
  EXPECT_THAT(rung.Next({}), Optional(TrialId{2}));
  Observation failed = Measured(3, {1});
  failed.state = TrialState::kFailed;
  rung.Add(failed, true);
  failed.id = {4};
  rung.Add(failed, true);
  EXPECT_EQ(rung.Next({2}), std::nullopt) << "a failed one is never promoted";
  EXPECT_EQ(rung.top(), 2);
}

TEST(RungTest, AStoppedOneTakesAPlaceAndGoesNoFurther) {
  Rung rung(2);
  Observation stopped = Measured(1, {9});
  stopped.state = TrialState::kStopped;
  rung.Add(stopped, false);
  rung.Add(Measured(2, {5}), true);
  EXPECT_EQ(rung.Next({}), std::nullopt);
  rung.Add(Measured(3, {1}), true);
  rung.Add(Measured(4, {2}), true);
  EXPECT_THAT(rung.Next({}), Optional(TrialId{2}));
}

TEST(RungTest, ThoseWithinTheBoundsGoFirst) {
  Rung rung(2);
  Observation beyond = Measured(1, {9});
  beyond.violations = {0.5};
  rung.Add(beyond, true);
  Observation within = Measured(2, {1});
  within.violations = {-0.5};
  rung.Add(within, true);
  EXPECT_THAT(rung.Next({}), Optional(TrialId{2}));
  EXPECT_THAT(rung.Ranking(), ElementsAre(TrialId{2}, TrialId{1}));
}

TEST(RungTest, OfSeveralObjectivesWholeFrontsAreTheBest) {
  Rung rung(2);
  rung.Add(Measured(1, {1, 1}), true);  // Beaten by 2 and 3.
  rung.Add(Measured(2, {3, 1}), true);
  rung.Add(Measured(3, {1, 3}), true);
  rung.Add(Measured(4, {0, 0}), true);
  EXPECT_THAT(rung.Next({}), Optional(TrialId{2}));
  EXPECT_THAT(rung.Next({2}), Optional(TrialId{3}));
  EXPECT_EQ(rung.Next({2, 3}), std::nullopt);
}

// What the paper says, computed anew each time.
std::optional<TrialId> NextByTheBook(
    std::vector<std::pair<double, int64_t>> all,
    const std::set<int64_t>& promoted) {
  std::sort(all.begin(), all.end());  // Smaller is better here.
  const size_t top = all.size() / 3;
  for (size_t i = 0; i < top; ++i) {
    if (!promoted.contains(all[i].second)) return TrialId{all[i].second};
  }
  return std::nullopt;
}

TEST(RungTest, AgreesWithTheDefinitionInAnyOrder) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    Rung rung(3);
    std::vector<std::pair<double, int64_t>> all;
    std::set<int64_t> promoted;
    for (int64_t run = 1; run <= 200; ++run) {
      const auto loss = static_cast<double>(random.Below(40));
      rung.Add(Measured(run, {-loss}), true);
      all.push_back({loss, run});
      while (random.Below(3) > 0) {
        const auto next = rung.Next({});
        ASSERT_EQ(next, NextByTheBook(all, promoted)) << seed << " " << run;
        if (!next) break;
        rung.MarkPromoted(*next);
        promoted.insert(next->value);
      }
    }
    EXPECT_GT(promoted.size(), 50u);
  }
}

}  // namespace
}  // namespace assay
