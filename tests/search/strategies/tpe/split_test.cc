#include "search/strategies/tpe/split.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/math/random.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Observation Completed(double value) { return {.values = {value}}; }

Observation Stopped(int64_t step, double value) {
  return {.state = TrialState::kStopped, .values = {value}, .last_step = step};
}

Observation Violating(double by, double value) {
  return {.values = {value}, .violations = {by}};
}

Observation Failed() {
  return {.state = TrialState::kFailed, .values = {kNaN}};
}

// The good ones of these, and of `rest` worse ones.
std::vector<int> GoodOf(std::vector<Observation> observations, int rest) {
  Split split;
  for (const Observation& observation : observations) split.Add(observation);
  for (int i = 0; i < rest; ++i) split.Add(Failed());
  return split.Good();
}

TEST(SplitTest, FifteenPerCentAreGoodAtMost25) {
  Split split;
  for (int i = 1; i <= 1000; ++i) {
    split.Add(Completed(i % 37));
    EXPECT_EQ(split.Good().size(), std::min((3 * i + 19) / 20, 25));
  }
}

TEST(SplitTest, TheGoodOnesAreTheBestInAnyOrderOfArrival) {
  Split split;
  Random random(1);
  std::vector<std::pair<double, int>> all;
  for (int i = 0; i < 500; ++i) {
    const double value = static_cast<double>(random.Below(50));
    split.Add(Completed(value));
    all.emplace_back(-value, i);
    std::sort(all.begin(), all.end());
    std::vector<int> best;
    for (int k = 0; k < std::min((3 * i + 22) / 20, 25); ++k) {
      best.push_back(all[k].second);
    }
    std::sort(best.begin(), best.end());
    ASSERT_EQ(split.Good(), best);
  }
}

TEST(SplitTest, AFailureIsNeverGood) {
  EXPECT_THAT(GoodOf({Failed(), Failed()}, 30), IsEmpty());
  EXPECT_THAT(GoodOf({Failed(), Completed(-1e9)}, 30), ElementsAre(1));
}

TEST(SplitTest, StoppedOnesFollowThoseThatCompletedTheLongestFirst) {
  EXPECT_THAT(GoodOf({Stopped(5, 9), Completed(1)}, 4), ElementsAre(1));
  EXPECT_THAT(GoodOf({Stopped(5, 9), Stopped(6, 1)}, 4), ElementsAre(1));
  EXPECT_THAT(GoodOf({Stopped(5, 1), Stopped(5, 9)}, 4), ElementsAre(1));
}

TEST(SplitTest, ThoseBeyondABoundComeLastTheNearestFirst) {
  EXPECT_THAT(GoodOf({Violating(1, 9), Violating(-1, 1)}, 4), ElementsAre(1));
  EXPECT_THAT(GoodOf({Violating(1, 9), Stopped(1, 1)}, 4), ElementsAre(1));
  EXPECT_THAT(GoodOf({Violating(2, 9), Violating(1, 1)}, 4), ElementsAre(1));
  EXPECT_THAT(GoodOf({Violating(kNaN, 9), Violating(1e9, 1)}, 4),
              ElementsAre(1));
}

TEST(SplitTest, SeveralObjectivesAreSplitByFronts) {
  Split split;
  split.Add({.values = {0.0, 0.0}});  // Beaten.
  split.Add({.values = {2.0, 1.0}});
  split.Add({.values = {1.0, 2.0}});
  for (int i = 0; i < 10; ++i) split.Add({.values = {-1.0 - i, -1.0}});
  EXPECT_THAT(split.Good(), ElementsAre(1, 2));
}

TEST(SplitTest, SeveralObjectivesOfFewThatCompletedAreFilledUp) {
  Split split;
  split.Add({.state = TrialState::kStopped, .values = {5.0, 5.0}});
  split.Add({.values = {0.0, 0.0}});
  for (int i = 0; i < 11; ++i) {
    split.Add({.state = TrialState::kFailed, .values = {kNaN, kNaN}});
  }
  EXPECT_THAT(split.Good(), ElementsAre(0, 1));
}

TEST(SplitTest, AReplacedResultIsAsIfItHadComeSo) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    Split replaced, direct;
    std::vector<Observation> last;
    for (int i = 0; i < 100; ++i) {
      last.push_back(Stopped(1, static_cast<double>(random.Below(20))));
      replaced.Add(last.back());
    }
    for (int i = 0; i < 60; ++i) {
      const auto order = static_cast<int>(random.Below(100));
      const double value = static_cast<double>(random.Below(20));
      last[order] = i % 4 == 0 ? Completed(value) : Stopped(3, value);
      replaced.Replace(order, last[order]);
    }
    for (const Observation& observation : last) direct.Add(observation);
    EXPECT_EQ(replaced.Good(), direct.Good());
    EXPECT_EQ(replaced.size(), 100);
  }
}

}  // namespace
}  // namespace assay
