#include "search/strategies/evolution/operators.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr int kDraws = 100000;
constexpr double kError = 0.006;  // Four deviations of a share of kDraws.

double Share(const std::function<bool(Random&)>& happens) {
  Random random(11);
  int count = 0;
  for (int i = 0; i < kDraws; ++i) count += happens(random);
  return static_cast<double>(count) / kDraws;
}

// How far apart the children are, as a multiple of how far their parents are.
double SpreadOf(double a, double b, double eta, Random& random) {
  const double child = SimulatedBinaryCrossover(a, b, eta, random);
  return std::fabs(child - (a + b) / 2) / (std::fabs(a - b) / 2);
}

// Deb & Agrawal 1995: P(spread <= s) = s^(eta + 1) / 2 up to 1, above
// 1 - s^-(eta + 1) / 2.
TEST(OperatorsTest, SimulatedBinaryCrossoverHasItsDistribution) {
  for (const double eta : {2.0, 20.0}) {
    for (const double s : {0.8, 0.95, 1.0, 1.05, 1.4}) {
      const double power = std::pow(s, eta + 1);
      const double expected = s <= 1 ? power / 2 : 1 - 1 / power / 2;
      const double share = Share([&](Random& random) {
        return SpreadOf(0.495, 0.505, eta, random) <= s;
      });
      EXPECT_NEAR(share, expected, kError) << eta << " " << s;
    }
  }
}

TEST(OperatorsTest, SimulatedBinaryCrossoverKeepsTheMeanOfTheParents) {
  Random random(5);
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    sum += SimulatedBinaryCrossover(0.6, 0.4, 20, random);
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.002);
}

TEST(OperatorsTest, SimulatedBinaryCrossoverStaysBetweenTheBounds) {
  Random random(5);
  for (const auto& [a, b] : std::vector<std::pair<double, double>>{
           {0, 1}, {0, 0.01}, {0.99, 1}, {0.3, 0.9}, {1, 1}, {0, 0}}) {
    for (int i = 0; i < 1000; ++i) {
      const double child = SimulatedBinaryCrossover(a, b, 2, random);
      ASSERT_GE(child, 0);
      ASSERT_LE(child, 1);
    }
  }
}

TEST(OperatorsTest, ParentsThatAreOneHaveTheirLike) {
  Random random(5);
  EXPECT_EQ(SimulatedBinaryCrossover(0.25, 0.25, 2, random), 0.25);
}

// Deb & Goyal 1996: P(|step| <= s) = 1 - (1 - s)^(eta + 1), up and down alike.
TEST(OperatorsTest, PolynomialMutationHasItsDistribution) {
  for (const double eta : {5.0, 20.0}) {
    for (const double s : {0.01, 0.05, 0.2}) {
      const double beyond = std::pow(1 - s, eta + 1);
      const double up = Share([&](Random& random) {
        return PolynomialMutation(0.5, eta, random) > 0.5 + s;
      });
      const double down = Share([&](Random& random) {
        return PolynomialMutation(0.5, eta, random) < 0.5 - s;
      });
      const double cut = std::pow(0.5, eta + 1);  // What the bounds keep out.
      EXPECT_NEAR(up, beyond / 2, kError + cut);
      EXPECT_NEAR(down, beyond / 2, kError + cut);
    }
  }
}

TEST(OperatorsTest, PolynomialMutationStaysBetweenTheBounds) {
  Random random(5);
  for (const double u : {0.0, 1e-9, 0.02, 0.5, 0.98, 1.0}) {
    for (int i = 0; i < 1000; ++i) {
      const double v = PolynomialMutation(u, 5, random);
      ASSERT_GE(v, 0);
      ASSERT_LE(v, 1);
    }
  }
}

TEST(OperatorsTest, ReflectFoldsAtBothEnds) {
  EXPECT_DOUBLE_EQ(Reflect(0.3), 0.3);
  EXPECT_DOUBLE_EQ(Reflect(-0.25), 0.25);
  EXPECT_DOUBLE_EQ(Reflect(1.25), 0.75);
  EXPECT_DOUBLE_EQ(Reflect(2.25), 0.25);
  EXPECT_EQ(Reflect(0), 0);
  EXPECT_EQ(Reflect(1), 1);
}

}  // namespace
}  // namespace assay
