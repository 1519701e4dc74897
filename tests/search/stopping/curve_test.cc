#include "search/stopping/curve.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

const double kInfinity = std::numeric_limits<double>::infinity();

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
  Curve curve({.min_delta = 0.5});
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

TEST(CurveTest, SmoothingIsAMovingAverage) {
  Curve curve({.smoothing = 0.5});
  curve.Add(1, 4);
  curve.Add(3, 1);
  EXPECT_EQ(curve.points()[1].cost, 2.5);
  EXPECT_EQ(curve.points()[1].reported, 1);
  curve.Add(2, 2);  // Late: 3, and then 2.
  EXPECT_EQ(curve.points()[1].cost, 3);
  EXPECT_EQ(curve.points()[2].cost, 2);
}

TEST(CurveTest, SmoothingBeginsAgainAfterWhatIsNotFinite) {
  Curve curve({.smoothing = 0.5});
  curve.Add(1, 4);
  curve.Add(2, kInfinity);
  curve.Add(3, 1);
  curve.Add(4, 3);
  EXPECT_EQ(curve.points()[1].cost, kInfinity);
  EXPECT_EQ(curve.points()[2].cost, 1);
  EXPECT_EQ(curve.points()[3].cost, 2);
}

TEST(CurveTest, CutsFromAStepOn) {
  Curve curve;
  for (const int64_t step : {1, 3, 5}) curve.Add(step, 0);
  curve.CutFrom(3);
  EXPECT_EQ(curve.points().size(), 1u);
}

}  // namespace
}  // namespace assay
