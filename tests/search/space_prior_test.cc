#include "search/space_prior.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

SearchSpace Space() {
  return *SearchSpace::Create({{.name = "branch",
                                .domain = IntegerDomain{0, 1},
                                .prior = NormalPrior{.mean = 1}},
                               {.name = "a", .domain = DoubleDomain{}},
                               {.name = "b",
                                .domain = DoubleDomain{},
                                .when = Condition{"branch", {int64_t{1}}},
                                .prior = NormalPrior{.mean = 0.2}}});
}

TEST(SpacePriorTest, IsTheProductOfTheActiveParameters) {
  const SpacePrior prior(Space());
  EXPECT_FALSE(prior.IsUniform());
  EXPECT_DOUBLE_EQ(prior.LogDensity({0.75, 0.4, 0.3}),
                   prior.of(0).LogDensity(0.75) + prior.of(2).LogDensity(0.3));
  EXPECT_DOUBLE_EQ(prior.LogDensity({0.25, 0.4, kNaN}),
                   prior.of(0).LogDensity(0.25));
}

TEST(SpacePriorTest, InactiveParametersHaveNoSlope) {
  const SpacePrior prior(Space());
  EXPECT_EQ(prior.LogSlope(2, kNaN), 0);
  EXPECT_EQ(prior.LogSlope(1, 0.3), 0);
  EXPECT_LT(prior.LogSlope(2, 0.3), 0);
}

TEST(SpacePriorTest, MapsEachCoordinateOfAUniformPointByItself) {
  const SpacePrior prior(Space());
  const std::vector<double> point = prior.FromUniform({0.5, 0.5, 0.5});
  EXPECT_EQ(point[0], prior.of(0).Quantile(0.5));
  EXPECT_EQ(point[1], 0.5);
  EXPECT_EQ(point[2], prior.of(2).Quantile(0.5));
}

}  // namespace
}  // namespace assay
