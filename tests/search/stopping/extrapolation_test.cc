#include "search/stopping/extrapolation.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using Points = std::vector<Extrapolation::Point>;

Points AtStepsFromOne(const std::vector<double>& costs) {
  Points points;
  for (const double cost : costs) {
    points.push_back({static_cast<int64_t>(points.size()) + 1, cost});
  }
  return points;
}

// Noisy c + a t^-b. What follows from the definition was computed with NumPy
// and SciPy (linear least squares a shape, scipy.stats.t), `fitted` and its
// error by scipy.optimize.curve_fit of the three parameters to the last three
// quarters.
struct Case {
  std::vector<double> costs;
  int64_t horizon;
  double below;
  double mean, deviation, chance;
  double fitted, error;
};

const Case kCases[] = {
    {{1.0022, 0.6524, 0.5293, 0.4398, 0.3923, 0.3647, 0.326, 0.307, 0.2943,
      0.2779, 0.262, 0.257},
     27,
     0.2,
     0.1769958230900614,
     0.030374394430406414,
     0.7754976103784813,
     0.1756674825783778,
     0.01373259661116682},
    {{0.7964, 0.5237, 0.4171, 0.3877, 0.384, 0.3768, 0.3333, 0.3477, 0.326,
      0.323, 0.3194, 0.3211, 0.333, 0.3282, 0.32, 0.3143, 0.3167, 0.3145},
     27,
     0.25,
     0.3134377904433136,
     0.012486702444049591,
     0.0006761838160630588,
     0.3148614544850411,
     0.005594174217940078},
    {{-0.4984, -0.6184, -0.6691, -0.7002, -0.7212, -0.7362, -0.7484, -0.7559,
      -0.7668},
     81,
     -0.85,
     -0.8617454661315144,
     0.04599849891697163,
     0.6013208235851946,
     -0.8505314208256097,
     0.011152252158067016},
};

TEST(ExtrapolationTest, EqualsItsDefinition) {
  for (const Case& c : kCases) {
    const auto end = Extrapolation::Of(AtStepsFromOne(c.costs), c.horizon);
    ASSERT_TRUE(end.has_value());
    EXPECT_NEAR(end->mean(), c.mean, 1e-9);
    EXPECT_NEAR(end->deviation(), c.deviation, 1e-9);
    // The distribution function of Student's t is approximate.
    EXPECT_NEAR(end->ChanceBelow(c.below), c.chance, 0.01);
  }
}

TEST(ExtrapolationTest, AgreesWithLeastSquaresWithinItsError) {
  for (const Case& c : kCases) {
    const auto end = Extrapolation::Of(AtStepsFromOne(c.costs), c.horizon);
    EXPECT_LT(std::abs(end->mean() - c.fitted), 1.1 * c.error);
    EXPECT_GT(end->deviation(), c.error);  // It knows more shapes.
  }
}

TEST(ExtrapolationTest, FindsTheEndOfAnExponentialToo) {
  std::vector<double> costs;
  for (int t = 1; t <= 24; ++t) costs.push_back(0.2 + std::exp(-t / 5.0));
  const auto end = Extrapolation::Of(AtStepsFromOne(costs), 40);
  EXPECT_NEAR(end->mean(), 0.2, 0.02);
}

TEST(ExtrapolationTest, MoreNoiseMeansLessCertainty) {
  std::vector<double> calm, wild;
  for (int t = 1; t <= 20; ++t) {
    const double sign = t % 2 == 0 ? 1 : -1;
    calm.push_back(0.2 + 0.5 / t + 0.001 * sign);
    wild.push_back(0.2 + 0.5 / t + 0.05 * sign);
  }
  const auto sure = Extrapolation::Of(AtStepsFromOne(calm), 27);
  const auto unsure = Extrapolation::Of(AtStepsFromOne(wild), 27);
  EXPECT_GT(unsure->deviation(), 3 * sure->deviation());
  EXPECT_LT(sure->ChanceBelow(0.15), unsure->ChanceBelow(0.15));
}

TEST(ExtrapolationTest, ChancesAreThoseOfADistribution) {
  const auto end = Extrapolation::Of(AtStepsFromOne(kCases[0].costs), 27);
  double before = 0;
  for (double cost = -0.5; cost < 1; cost += 0.05) {
    const double chance = end->ChanceBelow(cost);
    EXPECT_GE(chance, before);
    before = chance;
  }
  EXPECT_LT(end->ChanceBelow(-5), 1e-3);
  EXPECT_GT(end->ChanceBelow(5), 1 - 1e-3);
}

TEST(ExtrapolationTest, AConstantGoesOn) {
  const auto end =
      Extrapolation::Of(AtStepsFromOne(std::vector<double>(10, 0.7)), 27);
  ASSERT_TRUE(end.has_value());
  EXPECT_NEAR(end->mean(), 0.7, 1e-9);
  EXPECT_NEAR(end->ChanceBelow(0.7), 0.5, 0.01);
  const auto zero =
      Extrapolation::Of(AtStepsFromOne(std::vector<double>(10, 0.0)), 27);
  EXPECT_NEAR(zero->mean(), 0, 1e-100);
  EXPECT_FALSE(std::isnan(zero->ChanceBelow(0.1)));
}

TEST(ExtrapolationTest, NeedsEightFiniteValuesBeforeTheHorizon) {
  std::vector<double> costs(7, 1.0);
  EXPECT_EQ(Extrapolation::Of(AtStepsFromOne(costs), 27), std::nullopt);
  costs.push_back(std::numeric_limits<double>::infinity());
  EXPECT_EQ(Extrapolation::Of(AtStepsFromOne(costs), 27), std::nullopt);
  costs.push_back(1);
  EXPECT_NE(Extrapolation::Of(AtStepsFromOne(costs), 27), std::nullopt);
  EXPECT_EQ(Extrapolation::Of(AtStepsFromOne(costs), 9), std::nullopt);
}

}  // namespace
}  // namespace assay
