#include "search/stopping/curve_rule.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

class CurveRuleTest : public ::testing::Test {
 protected:
  static StudySpec Study() {
    StudySpec study;
    study.metrics = {{.name = "accuracy", .goal = Goal::kMaximize},
                     {.name = "size", .bound = 10}};
    return study;
  }

  // accuracy(t) = level - 0.5 / t at steps 1 to `steps`.
  std::optional<std::string> Report(int64_t id, int64_t steps, double level) {
    for (int64_t step = 1; step <= steps; ++step) {
      Measurement measurement{.step = step};
      measurement.metrics = {
          {"accuracy", level - 0.5 / static_cast<double>(step)}};
      rule_.ObserveReport({id}, 1, measurement);
    }
    return rule_.ReasonToStop({id});
  }

  void End(int64_t id, TrialState state, double accuracy, double size = 1) {
    Trial trial{.id = {id}, .state = state};
    trial.final_metrics = {{"accuracy", accuracy}, {"size", size}};
    rule_.ObserveEnd(trial);
  }

  CurveRule rule_{Study(), {.name = "curve", .min_trials = 2, .max_steps = 27}};
};

TEST_F(CurveRuleTest, StopsWhatWillNotReachTheBest) {
  End(1, TrialState::kCompleted, 0.9);
  End(2, TrialState::kCompleted, 0.5);
  EXPECT_EQ(Report(3, 7, 0.7), std::nullopt);  // Seven values are too few.
  const auto reason = Report(3, 12, 0.7);
  ASSERT_TRUE(reason.has_value());
  EXPECT_THAT(*reason, ::testing::StartsWith(
                           "accuracy 0.658333 at step 12 is expected to be "));
  EXPECT_THAT(*reason,
              ::testing::HasSubstr("at step 27: better than the best, 0.9, "
                                   "with a chance of "));
}

TEST_F(CurveRuleTest, GoesOnWithWhatMayReachIt) {
  End(1, TrialState::kCompleted, 0.9);
  End(2, TrialState::kCompleted, 0.5);
  EXPECT_EQ(Report(3, 12, 0.93), std::nullopt);  // 0.888 by now, 0.91 at 27.
  EXPECT_EQ(Report(4, 12, 0.99), std::nullopt);  // Is better already.
}

TEST_F(CurveRuleTest, OnlyTrialsThatCompletedAreAMeasure) {
  End(1, TrialState::kStopped, 0.9);
  End(2, TrialState::kFailed, 0.9);
  End(3, TrialState::kCompleted, 0.9);
  EXPECT_EQ(Report(4, 12, 0.7), std::nullopt);
  End(5, TrialState::kCompleted, 0.4);
  EXPECT_NE(Report(4, 12, 0.7), std::nullopt);
}

TEST_F(CurveRuleTest, ABestThatBrokeABoundIsNone) {
  End(1, TrialState::kCompleted, 0.9, 11);
  End(2, TrialState::kCompleted, 0.6);
  EXPECT_EQ(Report(3, 12, 0.7), std::nullopt);
}

TEST_F(CurveRuleTest, NothingIsSaidAtTheEnd) {
  End(1, TrialState::kCompleted, 0.9);
  End(2, TrialState::kCompleted, 0.5);
  EXPECT_NE(Report(3, 26, 0.7), std::nullopt);
  EXPECT_EQ(Report(3, 27, 0.7), std::nullopt);
}

}  // namespace
}  // namespace assay
