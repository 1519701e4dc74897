#include "search/strategies/tpe/front_selection.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(FrontSelectionTest, FrontsAreTakenInTurn) {
  const std::vector<std::vector<double>> points = {
      {1, 1}, {3, 0}, {0, 3}, {2, 2}, {0, 0}};
  EXPECT_THAT(SelectByFronts(points, 0), IsEmpty());
  EXPECT_THAT(SelectByFronts(points, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(SelectByFronts(points, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(SelectByFronts(points, 5), ElementsAre(0, 1, 2, 3, 4));
}

// Above (-1, -1), in tenths: 1 x 11, 2 x 10, 2.1 x 9.9, 6 x 6, 11 x 1.
TEST(FrontSelectionTest, OfACutFrontThoseThatCoverMostStay) {
  const std::vector<std::vector<double>> points = {
      {0, 10}, {1, 9}, {1.1, 8.9}, {5, 5}, {10, 0}};
  EXPECT_THAT(SelectByFronts(points, 1), ElementsAre(3));
  EXPECT_THAT(SelectByFronts(points, 2), ElementsAre(2, 3));
  EXPECT_THAT(SelectByFronts(points, 3), ElementsAre(2, 3, 4));
}

// 343 above (-1, -1, -1), then 425 together.
TEST(FrontSelectionTest, OfThreeObjectivesTheVolumeCounts) {
  const std::vector<std::vector<double>> points = {
      {10, 0, 0}, {0, 10, 0}, {0, 0, 10}, {6, 6, 6}, {7, 5, 6}, {9, 8, 1}};
  EXPECT_THAT(SelectByFronts(points, 1), ElementsAre(3));
  EXPECT_THAT(SelectByFronts(points, 2), ElementsAre(3, 5));
}

TEST(FrontSelectionTest, OfFiveObjectivesTheLeastCrowdedStay) {
  const std::vector<std::vector<double>> points = {{0, 10, 0, 0, 0},
                                                   {1, 9, 0, 0, 0},
                                                   {1.1, 8.9, 0, 0, 0},
                                                   {5, 5, 0, 0, 0},
                                                   {10, 0, 0, 0, 0}};
  EXPECT_THAT(SelectByFronts(points, 2), ElementsAre(0, 4));
  EXPECT_THAT(SelectByFronts(points, 3), ElementsAre(0, 3, 4));
}

TEST(FrontSelectionTest, AnInfiniteValueStopsNothing) {
  const std::vector<std::vector<double>> points = {
      {0, INFINITY}, {1, 9}, {5, 5}, {10, -INFINITY}};
  EXPECT_THAT(SelectByFronts(points, 2), SizeIs(2));
}

TEST(FrontSelectionTest, EqualPointsAreOneFront) {
  const std::vector<std::vector<double>> points(4, {1, 1});
  EXPECT_THAT(SelectByFronts(points, 2), ElementsAre(0, 1));
}

}  // namespace
}  // namespace assay
