#include "search/strategies/start_points.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

StartPoints Of(std::vector<Parameter> parameters) {
  auto spec = std::make_shared<StudySpec>();
  spec->space = *SearchSpace::Create(std::move(parameters));
  return StartPoints(std::move(spec));
}

const Parameter kPlain = {.name = "plain", .domain = DoubleDomain{}};
const Parameter kDefault = {
    .name = "default", .domain = DoubleDomain{}, .default_value = 0.9};
const Parameter kPrior = {.name = "prior",
                          .domain = DoubleDomain{},
                          .prior = NormalPrior{.mean = 0.2, .deviation = 0.01}};

TEST(StartPointsTest, TheFirstIsTheDefaultElseThePriorsModeElseTheCentre) {
  Parameter both = kPrior;
  both.name = "both";
  both.default_value = 0.7;
  const StartPoints start = Of({kPlain, kDefault, kPrior, both});
  EXPECT_THAT(start.Point(0), ElementsAre(0.5, 0.9, 0.2, 0.7));
  EXPECT_EQ(start.Why(0), "start: the parameters' defaults");
}

TEST(StartPointsTest, SaysWhereTheFirstComesFrom) {
  EXPECT_EQ(Of({kPlain}).Why(0), "start: the centre of the space");
  EXPECT_EQ(Of({kPlain, kPrior}).Why(0),
            "start: where the priors are greatest");
}

TEST(StartPointsTest, TheCentreComesSecondBesidePriors) {
  const StartPoints start = Of({kDefault, kPrior});
  EXPECT_THAT(start.Point(1), ElementsAre(0.9, 0.5));
  EXPECT_EQ(start.Why(1), "start: the centre of the space");
}

TEST(StartPointsTest, EveryOtherFollowsThePriors) {
  const StartPoints start = Of({kPlain, kPrior});
  int near_of_priors = 0, near_of_uniform = 0;
  for (int64_t i = 2; i <= 101; ++i) {
    const bool near = std::fabs(start.Point(i)[1] - 0.2) < 0.05;
    if (i % 2 == 1) {
      near_of_uniform += near;
      EXPECT_THAT(start.Why(i), Not(HasSubstr("priors")));
    } else {
      near_of_priors += near;
      EXPECT_THAT(start.Why(i), HasSubstr("of the priors"));
    }
  }
  EXPECT_GE(near_of_priors, 42);  // 90 % and more of 50.
  EXPECT_LE(near_of_uniform, 8);
}

}  // namespace
}  // namespace assay
