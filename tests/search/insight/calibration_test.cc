#include "search/insight/calibration.h"

#include <cmath>

#include "gtest/gtest.h"
#include "search/math/normal.h"
#include "search/math/random.h"

namespace assay {
namespace {

Eigen::VectorXd Draws(int count, double deviation, uint64_t seed) {
  Random random(seed);
  return Eigen::VectorXd::NullaryExpr(
      count, [&] { return deviation * DrawNormal(random); });
}

TEST(CalibrationTest, WithoutErrorsItIsNormal) {
  const Calibration calibration{Eigen::VectorXd()};
  EXPECT_NEAR(calibration.Width(0.5), 0.674, 0.01);  // Between two quantiles.
  EXPECT_NEAR(calibration.Width(0.9), 1.645, 0.001);
}

TEST(CalibrationTest, ManyErrorsTellTheirOwnQuantiles) {
  const Calibration calibration(Draws(5000, 3, 1));
  EXPECT_NEAR(calibration.Width(0.5), 3 * 0.674, 0.1);
  EXPECT_NEAR(calibration.Width(0.9), 3 * 1.645, 0.1);
}

TEST(CalibrationTest, CdfIsTheInverseOfWidth) {
  const Calibration calibration(Draws(30, 2, 2));
  for (const double share : {0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999}) {
    const double width = calibration.Width(share);
    EXPECT_NEAR(calibration.Cdf(width), 0.5 + 0.5 * share, 1e-9) << share;
    EXPECT_NEAR(calibration.Cdf(-width), 0.5 - 0.5 * share, 1e-9) << share;
  }
}

TEST(CalibrationTest, AnErrorHasNoSayInItsOwnInterval) {
  Eigen::VectorXd z = Draws(40, 1, 3);
  const double without = Calibration(z).WidthWithout(5, 0.9);
  z[5] = 1000;
  EXPECT_EQ(Calibration(z).WidthWithout(5, 0.9), without);
  EXPECT_EQ(Calibration(z).WidthWithout(4, 0.9),
            Calibration(z).WidthWithout(4, 0.9));
  EXPECT_GT(Calibration(z).Width(0.99), without);
}

// Errors of any distribution: one more of them lies in the interval.
TEST(CalibrationTest, ANewErrorIsCoveredAsPromised) {
  Random random(4);
  double covered = 0;
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    const Eigen::VectorXd z = Eigen::VectorXd::NullaryExpr(
        60, [&] { return std::pow(DrawNormal(random), 3); });
    const Calibration calibration(z.head(59));
    covered += std::abs(z[59]) <= calibration.Width(0.9) ? 1.0 / kRounds : 0;
  }
  EXPECT_NEAR(covered, 0.9, 0.03);
}

TEST(CalibrationTest, APerfectModelHasNoWidth) {
  const Calibration calibration(Eigen::VectorXd::Zero(100));
  EXPECT_LT(calibration.Width(0.9), 1e-12);
  EXPECT_GT(calibration.Cdf(1), 0.95);
  EXPECT_TRUE(std::isfinite(calibration.Width(0.999)));
}

}  // namespace
}  // namespace assay
