#include "search/strategies/tpe/front_selection.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FrontSelectionTest, FrontsAreTakenInTurn) {
  const std::vector<std::vector<double>> points = {
      {1, 1}, {3, 0}, {0, 3}, {2, 2}, {0, 0}};
  EXPECT_THAT(SelectByFronts(points, 0), IsEmpty());
  EXPECT_THAT(SelectByFronts(points, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(SelectByFronts(points, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(SelectByFronts(points, 5), ElementsAre(0, 1, 2, 3, 4));
}

TEST(FrontSelectionTest, OfACutFrontTheLeastCrowdedStay) {
  const std::vector<std::vector<double>> points = {
      {0, 10}, {1, 9}, {1.1, 8.9}, {5, 5}, {10, 0}};
  EXPECT_THAT(SelectByFronts(points, 2), ElementsAre(0, 4));
  EXPECT_THAT(SelectByFronts(points, 3), ElementsAre(0, 3, 4));
}

TEST(FrontSelectionTest, EqualPointsAreOneFront) {
  const std::vector<std::vector<double>> points(4, {1, 1});
  EXPECT_THAT(SelectByFronts(points, 2), ElementsAre(0, 1));
}

}  // namespace
}  // namespace assay
