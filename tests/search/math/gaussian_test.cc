#include "search/math/gaussian.h"

#include <cmath>

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(GaussianTest, QuantileIsTheInverseOfTheDistributionFunction) {
  for (double x = -8; x <= 5; x += 0.01) {
    EXPECT_NEAR(GaussianQuantile(GaussianCdf(x)), x,
                2e-9 * std::fabs(x) + 1e-9);
  }
}

TEST(GaussianTest, DrawsHaveMeanZeroAndVarianceOne) {
  Random random(1);
  constexpr int kDraws = 200'000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = DrawGaussian(random);
    sum += z;
    squares += z * z;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.01);
  EXPECT_NEAR(squares / kDraws, 1, 0.02);
}

TEST(GaussianTest, TruncatedDrawsHaveTheMeanOfTheFormula) {
  const auto density = [](double x) {
    return std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
  };
  for (const double mean : {0.0, 0.3, 1.0}) {
    for (const double sigma : {0.05, 0.5, 3.0}) {
      Random random(2);
      constexpr int kDraws = 50'000;
      double sum = 0;
      for (int i = 0; i < kDraws; ++i) {
        const double u = DrawTruncatedGaussian(mean, sigma, random);
        ASSERT_GE(u, 0);
        ASSERT_LE(u, 1);
        sum += u;
      }
      const double a = -mean / sigma, b = (1 - mean) / sigma;
      const double expected = mean + sigma * (density(a) - density(b)) /
                                         (GaussianCdf(b) - GaussianCdf(a));
      EXPECT_NEAR(sum / kDraws, expected, 0.01) << mean << " " << sigma;
    }
  }
}

TEST(GaussianTest, TruncatedDrawsOfATinySigmaStayAtTheMean) {
  Random random(3);
  for (const double mean : {0.0, 0.5, 1.0}) {
    EXPECT_NEAR(DrawTruncatedGaussian(mean, 1e-12, random), mean, 1e-10);
  }
}

}  // namespace
}  // namespace assay
