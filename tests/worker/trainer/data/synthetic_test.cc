#include "worker/trainer/data/synthetic.h"

#include <cmath>
#include <numbers>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

const std::vector<float>& Inputs(const Dataset& data) {
  return std::get<std::vector<float>>(data.inputs);
}

class EverySyntheticKindTest : public ::testing::TestWithParam<SyntheticKind> {
};

TEST_P(EverySyntheticKindTest, SameSeedSameSetOtherSeedOther) {
  SyntheticConfig config = {
      .kind = GetParam(), .examples = 50, .features = 6, .classes = 3};
  const Dataset first = MakeSynthetic(config);
  const Dataset again = MakeSynthetic(config);
  EXPECT_EQ(first.size(), 50);
  EXPECT_EQ(Inputs(first), Inputs(again));
  EXPECT_EQ(first.targets, again.targets);
  EXPECT_EQ(Inputs(first).size(), 50U * ElementsOf(first.shape));
  config.seed = 1;
  EXPECT_NE(Inputs(first), Inputs(MakeSynthetic(config)));
}

INSTANTIATE_TEST_SUITE_P(All, EverySyntheticKindTest,
                         ::testing::Values(SyntheticKind::kBlobs,
                                           SyntheticKind::kSpirals,
                                           SyntheticKind::kLinear,
                                           SyntheticKind::kFriedman));

TEST(SyntheticTest, ClassesAreOfEqualSize) {
  const Dataset data =
      MakeSynthetic({.kind = SyntheticKind::kBlobs, .examples = 7});
  EXPECT_EQ(data.classes, 3);
  EXPECT_THAT(data.labels, ElementsAre(0, 1, 2, 0, 1, 2, 0));
}

TEST(SyntheticTest, FriedmanWithoutNoiseIsItsFormula) {
  const Dataset data = MakeSynthetic(
      {.kind = SyntheticKind::kFriedman, .examples = 20, .features = 5});
  for (int64_t i = 0; i < 20; ++i) {
    const float* x = &Inputs(data)[i * 5];
    EXPECT_NEAR(data.targets[i],
                10 * std::sin(std::numbers::pi * x[0] * x[1]) +
                    20 * std::pow(x[2] - 0.5, 2) + 10 * x[3] + 5 * x[4],
                1e-4);
  }
}

}  // namespace
}  // namespace assay
