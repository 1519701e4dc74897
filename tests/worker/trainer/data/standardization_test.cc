#include "worker/trainer/data/standardization.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

Dataset Rows() {
  Dataset data;
  data.shape = {2};
  data.inputs = std::vector<float>{1, 10, 3, 10, 1000, -1000};
  data.targets = {4, 8, 1e6};
  return data;
}

TEST(StandardizationTest, IsFittedOnTheGivenRowsOnly) {
  const Standardization fitted = FitInputs(Rows(), {0, 1});
  EXPECT_THAT(fitted.mean, ElementsAre(2, 10));
  EXPECT_THAT(fitted.scale, ElementsAre(1, 1));  // The second is constant.
  const Standardization targets = FitTargets(Rows(), {0, 1});
  EXPECT_THAT(targets.mean, ElementsAre(6));
  EXPECT_THAT(targets.scale, ElementsAre(2));
}

TEST(StandardizationTest, OtherRowsAreMovedByTheSameAmounts) {
  const Standardization fitted = FitInputs(Rows(), {0, 1});
  EXPECT_THAT(StandardizedInputs(Rows(), {2, 0}, fitted),
              ElementsAre(998, -1010, -1, 0));
}

TEST(StandardizationTest, ImagesHaveOneMeanAChannel) {
  Dataset data;
  data.shape = {2, 1, 2};
  data.inputs = std::vector<uint8_t>{0, 2, 100, 100, 4, 2, 200, 200};
  const Standardization fitted = FitInputs(data, {0, 1});
  EXPECT_THAT(fitted.mean, ElementsAre(2, 150));
  EXPECT_THAT(fitted.scale, ElementsAre(FloatEq(1.41421356F), 50));
}

TEST(StandardizationTest, LargeOffsetKeepsItsSpread) {
  Dataset data;
  data.shape = {1};
  data.inputs = std::vector<float>{1'000'000, 1'000'002};
  EXPECT_THAT(FitInputs(data, {0, 1}).scale, ElementsAre(1));
}

TEST(StandardizationTest, PlainBytesGoFromZeroToOne) {
  Dataset data;
  data.shape = {1, 1, 2};
  data.inputs = std::vector<uint8_t>{0, 255};
  EXPECT_THAT(StandardizedInputs(data, {0}, PlainInputs(data)),
              ElementsAre(0, 1));
}

}  // namespace
}  // namespace assay
