#include "search/stopping/threshold.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

// Reports at steps 1, 2, ...; the last answer.
std::optional<std::string> After(RuleSpec options,
                                 const std::vector<double>& values,
                                 Goal goal = Goal::kMinimize) {
  StudySpec study;
  study.metrics = {{.name = "loss", .goal = goal}};
  ThresholdRule rule(study, std::move(options));
  int64_t step = 0;
  for (const double value : values) {
    Measurement measurement{.step = ++step};
    measurement.metrics = {{"loss", value}};
    rule.ObserveReport({1}, 1, measurement);
  }
  return rule.ReasonToStop({1});
}

TEST(ThresholdTest, StopsOutsideOfItsBounds) {
  const RuleSpec options{.lower = 1, .upper = 2};
  EXPECT_EQ(After(options, {1}), std::nullopt);
  EXPECT_EQ(After(options, {2}), std::nullopt);
  EXPECT_EQ(After(options, {0.9}), "loss 0.9 at step 1 is below 1");
  EXPECT_EQ(After(options, {1, 2.1}), "loss 2.1 at step 2 is above 2");
  EXPECT_EQ(After(options, {0.9}, Goal::kMaximize),
            "loss 0.9 at step 1 is below 1");
}

TEST(ThresholdTest, StopsWhatIsNoFiniteNumber) {
  EXPECT_EQ(After({}, {1, kNan}), "loss nan at step 2 is no finite number");
  for (const Goal goal : {Goal::kMinimize, Goal::kMaximize}) {
    EXPECT_NE(After({}, {kInfinity}, goal), std::nullopt);
    EXPECT_NE(After({}, {-kInfinity}, goal), std::nullopt);
    EXPECT_EQ(After({}, {1e308}, goal), std::nullopt);
  }
}

TEST(ThresholdTest, StopsWhatDivergedFromItsBest) {
  const RuleSpec options{.best_factor = 2};
  EXPECT_EQ(After(options, {3, 0.5, 1}), std::nullopt);
  EXPECT_EQ(After(options, {3, 0.5, 1.1}),
            "loss 1.1 at step 3 is worse than 2 times its best, 0.5");
  EXPECT_EQ(After(options, {0.2, 0.8, 0.4}, Goal::kMaximize), std::nullopt);
  EXPECT_NE(After(options, {0.2, 0.8, 0.39}, Goal::kMaximize), std::nullopt);
}

TEST(ThresholdTest, StopsWhatDivergedFromItsFirst) {
  const RuleSpec options{.first_factor = 3};
  EXPECT_EQ(After(options, {2, 0.1, 6}), std::nullopt);
  EXPECT_EQ(After(options, {2, 0.1, 6.1}),
            "loss 6.1 at step 3 is worse than 3 times its first, 2");
}

TEST(ThresholdTest, NegativeValuesDivergeTheOtherWayRound) {
  const RuleSpec options{.best_factor = 2};
  EXPECT_EQ(After(options, {-8, -4}), std::nullopt);
  EXPECT_NE(After(options, {-8, -3.9}), std::nullopt);
  EXPECT_EQ(After(options, {-1, -2}, Goal::kMaximize), std::nullopt);
  EXPECT_NE(After(options, {-1, -2.1}, Goal::kMaximize), std::nullopt);
  EXPECT_EQ(After(options, {0, 5}), std::nullopt);
}

TEST(ThresholdTest, NeverBeforeTheWarmUp) {
  const RuleSpec options{.warmup_steps = 3, .upper = 1};
  EXPECT_EQ(After(options, {9, kNan}), std::nullopt);
  EXPECT_EQ(After(options, {9, kNan, 1}), std::nullopt);
  EXPECT_NE(After(options, {9, kNan, 9}), std::nullopt);
}

TEST(ThresholdTest, SmoothingForgivesASpike) {
  EXPECT_NE(After({.upper = 2}, {1, 3}), std::nullopt);
  EXPECT_EQ(After({.smoothing = 0.5, .upper = 2}, {1, 3}), std::nullopt);
  EXPECT_NE(After({.smoothing = 0.5, .upper = 2}, {1, 3, 3}), std::nullopt);
}

}  // namespace
}  // namespace assay
