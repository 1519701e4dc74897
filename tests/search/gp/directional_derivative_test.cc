#include "search/gp/directional_derivative.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "search/math/normal.h"
#include "search/math/random.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(DirectionalDerivativeTest, ExactGradientsPointAlongThemselves) {
  const auto along = AlongItself({{3, -4}, {0, 0}});
  ASSERT_TRUE(along);
  EXPECT_DOUBLE_EQ(along->direction[0], 0.6);
  EXPECT_DOUBLE_EQ(along->direction[1], -0.8);
  EXPECT_DOUBLE_EQ(along->value, 5);
  EXPECT_EQ(along->variance, 0);
}

TEST(DirectionalDerivativeTest, CoordinatesThatAreNotKnownAreLeftOut) {
  const auto along = AlongItself({{kNaN, 2, kNaN}, {1, kNaN, kNaN}});
  ASSERT_TRUE(along);
  EXPECT_EQ(along->direction, Eigen::Vector3d(0, 1, 0));
  EXPECT_DOUBLE_EQ(along->value, 2);
  EXPECT_EQ(along->variance, 0);  // No deviation was reported.
}

TEST(DirectionalDerivativeTest, NoisyCoordinatesCountLess) {
  const auto along = AlongItself({{1, 1}, {0, 1}});
  ASSERT_TRUE(along);
  EXPECT_DOUBLE_EQ(along->direction[1] / along->direction[0], 0.5);
  EXPECT_DOUBLE_EQ(along->variance, 0.2);
}

TEST(DirectionalDerivativeTest, OneCoordinateHasNoDirectionToGetWrong) {
  const auto along = AlongItself({{-2}, {3}});
  ASSERT_TRUE(along);
  EXPECT_DOUBLE_EQ(along->direction[0], -1);
  EXPECT_DOUBLE_EQ(along->value, 2);
  EXPECT_DOUBLE_EQ(along->variance, 9);
}

TEST(DirectionalDerivativeTest, NothingIsSaidByNoiseOrByNothing) {
  EXPECT_FALSE(AlongItself({{1, 1}, {2, 2}}));
  EXPECT_FALSE(AlongItself({{0, 0}, {0, 0}}));
  EXPECT_FALSE(AlongItself({{kNaN}, {kNaN}}));
  EXPECT_FALSE(AlongItself({}));
}

TEST(DirectionalDerivativeTest, UnitsOfAnySizeAreNumbers) {
  for (const double unit : {1e-250, 1e250}) {
    const auto along = AlongItself({{3 * unit, 4 * unit}, {0, 0}});
    ASSERT_TRUE(along);
    EXPECT_NEAR(along->value / unit, 5, 1e-12);
  }
}

// Against the true derivative in the direction that was found, whose own
// deviation is that of the mean of the draws.
TEST(DirectionalDerivativeTest, TheLengthOfANoisyGradientIsNotTooLarge) {
  const Eigen::VectorXd truth = Eigen::VectorXd::LinSpaced(6, 1, 2);
  const double deviation = 0.6;
  Random random(1);
  constexpr int kDraws = 20000;
  double error = 0, length_error = 0, squares = 0, variance = 0;
  for (int i = 0; i < kDraws; ++i) {
    UnitGradient gradient;
    for (const double slope : truth) {
      const double e = NormalQuantile(random.Uniform());
      gradient.values.push_back(slope + deviation * e);
      gradient.deviations.push_back(deviation);
    }
    const auto along = AlongItself(gradient);
    ASSERT_TRUE(along);
    const double here = truth.dot(along->direction);
    error += (along->value - here) / kDraws;
    squares += std::pow(along->value - here, 2) / kDraws;
    variance += along->variance / kDraws;
    length_error +=
        (Eigen::Map<const Eigen::VectorXd>(gradient.values.data(), truth.size())
             .dot(along->direction) -
         here) /
        kDraws;
  }
  EXPECT_GT(length_error, 0.3);
  EXPECT_LT(std::abs(error), 0.02);
  EXPECT_NEAR(std::sqrt(squares / variance), 1, 0.25);
}

}  // namespace
}  // namespace assay
