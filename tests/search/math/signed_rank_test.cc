#include "search/math/signed_rank.h"

#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

double P(const std::vector<double>& differences) {
  return SignedRankP(differences);
}

// scipy.stats.wilcoxon(d, alternative="greater", method="exact"), SciPy 1.17.
TEST(SignedRankTest, IsExactForFewPairs) {
  EXPECT_DOUBLE_EQ(P({1, 2, 3, 4, 5}), 0.03125);
  EXPECT_DOUBLE_EQ(P({0.5, -0.2, 0.9, 1.4, 2.2, 3.1}), 0.03125);
  EXPECT_DOUBLE_EQ(P({-1.1, 2.3, 0.7, 0.05, 1.9, -0.3, 2.8, 0.6}), 0.07421875);
  EXPECT_DOUBLE_EQ(P({3, 1, -2, 5, 4, -6, 8, 7, 9, 10.5, -11}), 0.1201171875);
}

// By trying all signs of the differences that are not zero.
TEST(SignedRankTest, IsExactWithTiesAndZeros) {
  EXPECT_DOUBLE_EQ(P({1, 1, 2, 2, -1, 3}), 0.0625);
  EXPECT_DOUBLE_EQ(P({0, 0, 1, 2, 3, 4, -1}), 0.09375);
  EXPECT_DOUBLE_EQ(P({0.5, 0.5, 0.5, 0.5}), 0.0625);
}

// scipy.stats.wilcoxon(d, alternative="greater", zero_method="zsplit",
// method="asymptotic", correction=False).
TEST(SignedRankTest, IsNormalForMany) {
  const std::vector<double> ties = {
      2.1, 0.7, 0.4, -1.6, 0.0,  -0.1, 0.2, -0.3, 0.3,  -0.2,
      -1., 1.2, 1.2, 2.0,  0.4,  -0.1, -.2, -1.2, 1.3,  -0.8,
      -.9, 0.1, 1.8, 0.5,  -0.7, -0.4, 0.9, 0.1,  -0.5, 0.1};
  EXPECT_NEAR(P(ties), 0.21100762943962426, 1e-12);
  const std::vector<double> distinct = {
      0.945,  2.176,  -1.044, -0.426, -0.604, -2.219, -0.724, -0.824,
      1.324,  0.068,  -1.423, 0.847,  -0.156, -1.543, -0.397, -0.389,
      -0.674, 0.23,   -2.048, -0.068, 1.213,  1.053,  1.308,  1.319,
      1.688,  -0.918, 1.046,  -1.661, -0.403, -1.714, 1.248,  1.534,
      0.003,  1.975,  -0.475, 0.351,  0.353,  -0.864, 0.638,  2.139};
  EXPECT_NEAR(P(distinct), 0.3709586138097955, 1e-12);
  std::vector<double> rising;
  for (int i = 1; i <= 30; ++i) rising.push_back(i);
  EXPECT_NEAR(P(rising), 8.671988141602892e-07, 1e-18);
}

TEST(SignedRankTest, SaysNothingWithoutDifferences) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(P({}), 1);
  EXPECT_EQ(P({0, 0, nan}), 1);
  EXPECT_EQ(P(std::vector<double>(40, 0.0)), 0.5);
  EXPECT_DOUBLE_EQ(P({std::numeric_limits<double>::infinity(), 1, 2, 3}),
                   0.0625);
}

}  // namespace
}  // namespace assay
