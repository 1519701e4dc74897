#include "search/rung_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace assay {
namespace {

using ::testing::ElementsAre;

TEST(RungStepsTest, ArePowersBelowTheMaximumThenTheMaximum) {
  EXPECT_THAT(RungSteps(1, 27, 3), ElementsAre(1, 3, 9, 27));
  EXPECT_THAT(RungSteps(2, 27, 3), ElementsAre(2, 6, 18, 27));
  EXPECT_THAT(RungSteps(1, 28, 3), ElementsAre(1, 3, 9, 27, 28));
  EXPECT_THAT(RungSteps(5, 5, 3), ElementsAre(5));
  EXPECT_THAT(RungSteps(5, 6, 100), ElementsAre(5, 6));
}

TEST(RungStepsTest, NothingOverflows) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(RungSteps(1, kMost, 2).size(), 64u);
  EXPECT_EQ(RungSteps(1, kMost, 2).back(), kMost);
}

}  // namespace
}  // namespace assay
