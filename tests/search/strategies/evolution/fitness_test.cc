#include "search/strategies/evolution/fitness.h"

#include <limits>

#include "gtest/gtest.h"
#include "tests/search/strategies/evolution/results.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// a is better than b, and b not better than a.
bool Beats(const Observation& a, const Observation& b) {
  return Dominates(a, b) && !Dominates(b, a);
}

bool AreEven(const Observation& a, const Observation& b) {
  return !Dominates(a, b) && !Dominates(b, a);
}

TEST(FitnessTest, WithOneObjectiveTheLargerValueIsBetter) {
  EXPECT_TRUE(Beats(Completed({2}), Completed({1})));
  EXPECT_TRUE(AreEven(Completed({1}), Completed({1})));
}

TEST(FitnessTest, WithSeveralNoneMayBeWorse) {
  EXPECT_TRUE(Beats(Completed({1, 2}), Completed({1, 1})));
  EXPECT_TRUE(AreEven(Completed({1, 2}), Completed({2, 1})));
  EXPECT_TRUE(AreEven(Completed({1, 2}), Completed({1, 2})));
}

TEST(FitnessTest, AFeasibleTrialIsBetterThanOneThatIsNotWhateverItsValue) {
  EXPECT_TRUE(Beats(Completed({0}, {-1, 0}), Completed({9}, {-1, 0.1})));
}

TEST(FitnessTest, TheSmallerSumOfViolationsIsBetterWhateverTheValues) {
  EXPECT_TRUE(Beats(Completed({0}, {1, 1}), Completed({9}, {0.5, 2})));
  EXPECT_TRUE(Beats(Completed({0}, {5, 5}), Completed({9}, {kNaN, -1})));
}

TEST(FitnessTest, WithTheSameViolationTheValueDecides) {
  EXPECT_TRUE(Beats(Completed({2}, {1}), Completed({1}, {1})));
}

TEST(FitnessTest, StoppedIsWorseThanCompletedAndFailedIsLast) {
  EXPECT_TRUE(Beats(Completed({0}, {7}), Stopped({9}, 100)));
  EXPECT_TRUE(Beats(Stopped({0}, 1), Failed()));
  EXPECT_TRUE(Beats(Completed({0}), Completed({kNaN})));
  EXPECT_TRUE(AreEven(Failed(), Failed()));
  EXPECT_TRUE(AreEven(Failed(), Completed({kNaN})));
}

TEST(FitnessTest, OfTwoStoppedTheOneWithMoreStepsIsBetter) {
  EXPECT_TRUE(Beats(Stopped({0}, 5), Stopped({9}, 4)));
  EXPECT_TRUE(Beats(Stopped({1}, 5), Stopped({0}, 5)));
}

}  // namespace
}  // namespace assay
