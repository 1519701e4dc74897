#include "search/stopping/running_curves.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

Measurement At(int64_t step, Metrics metrics) {
  Measurement measurement{.step = step};
  measurement.metrics = std::move(metrics);
  return measurement;
}

RunningCurves OfLoss() { return RunningCurves({{.metric = "loss"}}); }

TEST(RunningCurvesTest, AnAttemptKeepsTheCurveUpToWhereItBegins) {
  RunningCurves curves = OfLoss();
  for (const int64_t step : {1, 2, 3})
    curves.Add({7}, 1, At(step, {{"loss", 1}}));
  const TrialCurves* resumed = curves.Add({7}, 2, At(3, {{"loss", 5}}));
  ASSERT_EQ(resumed->curves[0].points().size(), 3u);
  EXPECT_EQ(resumed->Newest()->cost, 5);
  EXPECT_EQ(resumed->first_step, 3);
  const TrialCurves* anew = curves.Add({7}, 3, At(1, {{"loss", 6}}));
  EXPECT_EQ(anew->curves[0].points().size(), 1u);
}

TEST(RunningCurvesTest, OldAttemptsAndOtherMetricsAreNotTaken) {
  RunningCurves curves = OfLoss();
  EXPECT_EQ(curves.Add({7}, 2, At(1, {{"accuracy", 1}})), nullptr);
  EXPECT_NE(curves.Add({7}, 2, At(1, {{"loss", 1}})), nullptr);
  EXPECT_EQ(curves.Add({7}, 1, At(2, {{"loss", 1}})), nullptr);
  EXPECT_EQ(curves.Find({7})->curves[0].points().size(), 1u);
}

TEST(RunningCurvesTest, ForgetsWhatIsRemoved) {
  RunningCurves curves = OfLoss();
  curves.Add({7}, 1, At(1, {{"loss", 1}}));
  EXPECT_EQ(curves.Remove({7}).curves[0].points().size(), 1u);
  EXPECT_EQ(curves.Find({7}), nullptr);
  EXPECT_EQ(curves.Remove({7}).Newest(), nullptr);
}

TEST(RunningCurvesTest, EachMetricHasItsCurve) {
  RunningCurves curves(
      {{.metric = "loss"}, {.metric = "speed", .goal = Goal::kMaximize}});
  curves.Add({7}, 1, At(1, {{"speed", 3}}));
  EXPECT_EQ(curves.Find({7})->Newest(), nullptr);
  curves.Add({7}, 1, At(2, {{"loss", 1}, {"speed", 4}}));
  EXPECT_EQ(curves.Find({7})->curves[0].points().size(), 1u);
  EXPECT_EQ(curves.Find({7})->curves[1].points()[1].cost, -4);
}

TEST(JudgedPointTest, TheFirstPointFromEachMultiple) {
  RunningCurves curves = OfLoss();
  const RuleSpec rule{.warmup_steps = 4, .interval_steps = 5};
  const auto judged_after = [&](int64_t step) {
    const Curve::Point* judged =
        JudgedPoint(*curves.Add({7}, 1, At(step, {{"loss", 0}})), rule);
    return judged ? judged->step : -1;
  };
  EXPECT_EQ(judged_after(3), -1);
  EXPECT_EQ(judged_after(6), 6);
  EXPECT_EQ(judged_after(8), 6);
  EXPECT_EQ(judged_after(10), 10);
  EXPECT_EQ(JudgedPoint(*curves.Find({7}), {})->step, 10);
}

TEST(JudgedPointTest, NotWithinTheGraceOfAnAttempt) {
  RunningCurves curves = OfLoss();
  const RuleSpec rule{.grace_steps = 2};
  EXPECT_EQ(JudgedPoint(*curves.Add({7}, 1, At(9, {{"loss", 0}})), rule),
            nullptr);
  EXPECT_NE(JudgedPoint(*curves.Add({7}, 1, At(11, {{"loss", 0}})), rule),
            nullptr);
  EXPECT_EQ(JudgedPoint(*curves.Add({7}, 2, At(12, {{"loss", 0}})), rule),
            nullptr);
}

}  // namespace
}  // namespace assay
