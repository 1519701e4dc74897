#include "search/stopping/curve.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(CurveTest, CostIsLowerForBetterAndInfiniteForNan) {
  EXPECT_EQ(ToCost(2, Goal::kMinimize), 2);
  EXPECT_EQ(ToCost(2, Goal::kMaximize), -2);
  EXPECT_EQ(ToCost(kNan, Goal::kMaximize), kInfinity);
  EXPECT_EQ(CostText(-0.61, Goal::kMaximize), "0.61");
  EXPECT_EQ(CostText(kInfinity, Goal::kMaximize), "nan");
}

TEST(CurveTest, SummariesRunAlongTheSteps) {
  Curve curve;
  curve.Add(1, 4);
  curve.Add(2, 2);
  curve.Add(4, 3);
  const Curve::Point& last = curve.points().back();
  EXPECT_EQ(last.mean, 3);
  EXPECT_EQ(last.best, 2);
  EXPECT_EQ(last.mark_step, 2);
}

TEST(CurveTest, LateAndRepeatedStepsGiveWhatOrderWouldHaveGiven) {
  Curve late;
  late.Add(4, 3);
  late.Add(2, 100);
  late.Add(1, 4);
  late.Add(2, 2);
  Curve ordered;
  ordered.Add(1, 4);
  ordered.Add(2, 2);
  ordered.Add(4, 3);
  ASSERT_EQ(late.points().size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(late.points()[i].step, ordered.points()[i].step);
    EXPECT_EQ(late.points()[i].mean, ordered.points()[i].mean);
    EXPECT_EQ(late.points()[i].best, ordered.points()[i].best);
    EXPECT_EQ(late.points()[i].mark_step, ordered.points()[i].mark_step);
  }
}

TEST(CurveTest, AWorstCostStaysInTheMeanAndNotInTheBest) {
  Curve curve;
  curve.Add(1, 1);
  curve.Add(2, kInfinity);
  curve.Add(3, 5);
  EXPECT_EQ(curve.points()[2].mean, kInfinity);
  EXPECT_EQ(curve.points()[2].best, 1);
  EXPECT_FALSE(std::isnan(curve.points()[2].mean));
}

TEST(CurveTest, MarkMovesOnlyByMoreThanMinDelta) {
  Curve curve(0.5);
  for (const auto& [step, cost] : std::vector<std::pair<int64_t, double>>{
           {1, 3}, {2, 2.6}, {3, 2.5}, {4, 2.4}, {5, 2.0}}) {
    curve.Add(step, cost);
  }
  EXPECT_EQ(curve.points()[2].mark_step, 1);
  EXPECT_EQ(curve.points()[3].mark_step, 4);
  EXPECT_EQ(curve.points()[4].mark_step, 4);
}

TEST(CurveTest, LookupsByStep) {
  Curve curve;
  EXPECT_EQ(curve.FirstFrom(0), nullptr);
  curve.Add(2, 0);
  curve.Add(5, 0);
  EXPECT_EQ(curve.FirstFrom(3)->step, 5);
  EXPECT_EQ(curve.FirstFrom(6), nullptr);
  EXPECT_EQ(curve.LastUpTo(4)->step, 2);
  EXPECT_EQ(curve.LastUpTo(1), nullptr);
}

TEST(CurveTest, JudgedAtTheFirstPointFromEachMultiple) {
  Curve curve;
  curve.Add(3, 0);
  EXPECT_EQ(JudgedPoint(curve, 4, 5), nullptr);
  curve.Add(6, 0);
  EXPECT_EQ(JudgedPoint(curve, 4, 5)->step, 6);
  curve.Add(8, 0);
  EXPECT_EQ(JudgedPoint(curve, 4, 5)->step, 6);
  curve.Add(10, 0);
  EXPECT_EQ(JudgedPoint(curve, 4, 5)->step, 10);
  EXPECT_EQ(JudgedPoint(curve, 0, 1)->step, 10);
}

TEST(RunningCurvesTest, ANewAttemptForgetsTheOldOne) {
  RunningCurves curves({"loss", Goal::kMinimize}, 0);
  Measurement report;
  report.step = 1;
  report.metrics = {{"loss", 1}};
  ASSERT_NE(curves.Add({7}, 1, report), nullptr);
  report.step = 2;
  EXPECT_EQ(curves.Add({7}, 1, report)->points().size(), 2u);
  EXPECT_EQ(curves.Add({7}, 2, report)->points().size(), 1u);
  EXPECT_EQ(curves.Add({7}, 1, report), nullptr);
  report.metrics = {{"accuracy", 1}};
  EXPECT_EQ(curves.Add({7}, 2, report), nullptr);
  EXPECT_EQ(curves.Remove({7}).points().size(), 1u);
  EXPECT_EQ(curves.Find({7}), nullptr);
}

}  // namespace
}  // namespace assay
