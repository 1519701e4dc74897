#include "search/gp/fit_schedule.h"

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(FitScheduleTest, FitsAtEachResultUpToAHundredThenMoreAndMoreRarely) {
  const std::vector<FitPoint> points = FitPointsUpTo(1200);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(points[i].count, i + 1);
  EXPECT_EQ(points[100].count, 104);
  for (size_t i = 101; i < points.size(); ++i) {
    const int step = points[i].count - points[i - 1].count;
    EXPECT_GE(step, 5);
    EXPECT_LE(step, 64);
  }
}

TEST(FitScheduleTest, PointsDoNotDependOnHowManyResultsThereAre) {
  const std::vector<FitPoint> all = FitPointsUpTo(1500);
  for (const int count : {1, 57, 100, 333, 1001}) {
    const std::vector<FitPoint> some = FitPointsUpTo(count);
    ASSERT_LE(some.back().count, count);
    for (size_t i = 0; i < some.size(); ++i) {
      EXPECT_EQ(some[i].count, all[i].count);
      EXPECT_EQ(some[i].anchor, all[i].anchor);
    }
  }
}

TEST(FitScheduleTest, AnchorsAreAQuarterApart) {
  int last = 0, anchors = 0;
  for (const FitPoint& point : FitPointsUpTo(1000)) {
    if (!point.anchor) continue;
    EXPECT_GE(4 * point.count, 5 * last);
    last = point.count, ++anchors;
  }
  EXPECT_LT(anchors, 30);
}

}  // namespace
}  // namespace assay
