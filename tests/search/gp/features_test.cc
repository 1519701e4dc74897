#include "search/gp/features.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/search/gp/mixed_space.h"

namespace assay {
namespace {

Eigen::VectorXd Row(const Parameters& parameters) {
  static const SearchSpace space = MixedSpace();
  return Features(space).Embed(space.Encode(parameters));
}

const Parameters kSgd = {{"rate", 1.0},
                         {"units", int64_t{1}},
                         {"optimizer", "sgd"},
                         {"momentum", 0.9},
                         {"decay", 0.25}};
const Parameters kAdam = {{"rate", 1.0},
                          {"units", int64_t{1}},
                          {"optimizer", "adam"},
                          {"amsgrad", true},
                          {"decay", 0.25}};

TEST(FeaturesTest, NumbersAreCentredAndCategoriesAreLevels) {
  const Eigen::VectorXd row = Row(kSgd);
  EXPECT_DOUBLE_EQ(row[0], 0.5);
  EXPECT_DOUBLE_EQ(row[1], 1.0 / 16 - 0.5);
  EXPECT_EQ(row[2], 0);
  EXPECT_EQ(Row(kAdam)[2], 1);
}

TEST(FeaturesTest, ConditionalNumbersHaveAColumnForBeingActive) {
  const Features features(MixedSpace());
  EXPECT_EQ(features.parameters(), 6);
  EXPECT_EQ(features.size(), 8);
  EXPECT_EQ(features.gaps(), 2);
  const Eigen::VectorXd active = Row(kSgd), inactive = Row(kAdam);
  EXPECT_DOUBLE_EQ(active[3], 0.4);
  EXPECT_EQ(active[4], 1);
  EXPECT_EQ(inactive[3], 0);
  EXPECT_EQ(inactive[4], 0);
}

TEST(FeaturesTest, InactiveIsOneMoreCategory) {
  EXPECT_EQ(Row(kSgd)[5], -1);
  EXPECT_EQ(Row(kAdam)[5], 1);
}

TEST(FeaturesTest, AStepMovesTheColumnsOfNumbers) {
  const Features features(MixedSpace());
  Eigen::VectorXd direction(6), expected(8);
  direction << 0.5, 0, 9, -0.5, 9, 0.25;
  expected << 0.5, 0, 0, -0.5, 0, 0, 0.25, 0;
  EXPECT_EQ(features.EmbedDirection(direction), expected);
}

TEST(FeaturesTest, EveryCategoryIsALevelOfItsOwn) {
  std::vector<ParameterValue> values;
  for (int64_t i = 0; i < 1000; ++i) values.push_back(i);
  const auto space = SearchSpace::Create(
      {{.name = "many", .domain = CategoricalDomain{values}}});
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(Features(*space).Embed(space->Encode({{"many", i}}))[0], i);
  }
}

TEST(FeaturesTest, GradientsReachActiveNumbersOnly) {
  const Features features(MixedSpace());
  const Eigen::VectorXd columns =
      Eigen::VectorXd::LinSpaced(features.size(), 1, features.size());
  Eigen::VectorXd sgd(6), adam(6);
  sgd << 1, 2, 0, 4, 0, 7;
  adam << 1, 2, 0, 0, 0, 7;
  EXPECT_EQ(features.PointGradient(Row(kSgd), columns), sgd);
  EXPECT_EQ(features.PointGradient(Row(kAdam), columns), adam);
}

}  // namespace
}  // namespace assay
