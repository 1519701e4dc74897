#include "search/stopping/watched.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(WatchedTest, CostIsLowerForBetterAndInfiniteForNan) {
  EXPECT_EQ(ToCost(2, Goal::kMinimize), 2);
  EXPECT_EQ(ToCost(2, Goal::kMaximize), -2);
  EXPECT_EQ(ToCost(kNan, Goal::kMaximize), kInfinity);
  EXPECT_EQ(CostText(-0.61, Goal::kMaximize), "0.61");
  EXPECT_EQ(CostText(kInfinity, Goal::kMaximize), "nan");
}

TEST(WatchedTest, RanksByObjectivesThenBounds) {
  StudySpec study;
  study.metrics = {{.name = "size", .bound = 10},
                   {.name = "accuracy", .goal = Goal::kMaximize},
                   {.name = "seconds"}};
  const std::vector<Watched> ranked = RankedMetrics(study, {});
  ASSERT_EQ(ranked.size(), 3u);
  EXPECT_EQ(ranked[0].metric, "accuracy");
  EXPECT_EQ(ranked[1].metric, "seconds");
  EXPECT_EQ(ranked[2].metric, "size");
  EXPECT_EQ(ranked[2].bound, 10);
  EXPECT_EQ(WatchedMetric(study, {}).metric, "accuracy");
}

TEST(WatchedTest, ANamedMetricIsAlone) {
  StudySpec study;
  study.metrics = {{.name = "accuracy", .goal = Goal::kMaximize},
                   {.name = "size", .bound = 10}};
  const std::vector<Watched> ranked = RankedMetrics(study, {.metric = "size"});
  ASSERT_EQ(ranked.size(), 1u);
  EXPECT_EQ(ranked[0].metric, "size");
  EXPECT_EQ(ranked[0].bound, std::nullopt);
}

}  // namespace
}  // namespace assay
