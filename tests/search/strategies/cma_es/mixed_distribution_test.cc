#include "search/strategies/cma_es/mixed_distribution.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "gtest/gtest.h"

namespace assay {
namespace {

using Point = std::vector<double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

ParameterValue Text(const char* text) { return std::string(text); }

Parameter Of(const char* name, Domain domain) {
  return {name, std::move(domain), {}, {}};
}

SearchSpace Space() {
  return *SearchSpace::Create(
      {Of("x", DoubleDomain{}),
       Of("kind", CategoricalDomain{{Text("a"), Text("b"), Text("c")}}),
       Of("units", IntegerDomain{.min = 1, .max = 5})});
}

TEST(MixedDistributionTest, DrawsLieInTheUnitCube) {
  const SearchSpace space = Space();
  const MixedDistribution distribution(space, {0.0, 0.5, 1.0}, 3, 8);
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    for (const double u : distribution.Draw(random)) {
      ASSERT_GE(u, 0);
      ASSERT_LE(u, 1);
    }
  }
}

// Runs generations; `loss` of an encoded point.
template <typename Loss>
MixedDistribution Learned(const SearchSpace& space, int generations,
                          const Loss& loss) {
  constexpr int kPopulation = 8;
  MixedDistribution distribution(space, Point(space.encoded_size(), 0.5),
                                 1.0 / 6, kPopulation);
  Random random(1);
  for (int generation = 0; generation < generations; ++generation) {
    std::vector<Point> points;
    for (int i = 0; i < kPopulation; ++i) {
      points.push_back(space.Encode(space.Decode(distribution.Draw(random))));
    }
    std::stable_sort(
        points.begin(), points.end(),
        [&](const Point& a, const Point& b) { return loss(a) < loss(b); });
    distribution.Update(points, random);
  }
  return distribution;
}

TEST(MixedDistributionTest, FindsNumbersLevelsAndCategoriesTogether) {
  const SearchSpace space = Space();
  const auto loss = [](const Point& p) {
    return std::pow(p[0] - 0.2, 2) + std::fabs(p[1] - 2.5 / 3) +
           std::fabs(p[2] - 0.9);
  };
  const MixedDistribution distribution = Learned(space, 60, loss);
  Random random(2);
  double best = 1;
  for (int i = 0; i < 50; ++i) {
    const Point point = space.Encode(space.Decode(distribution.Draw(random)));
    best = std::min(best, loss(point));
  }
  EXPECT_LT(best, 1e-4);
}

TEST(MixedDistributionTest, NoLevelFreezes) {
  const SearchSpace space = Space();
  // The numbers settle at once on what was first, the units among them.
  const MixedDistribution distribution =
      Learned(space, 200, [](const Point& p) {
        return std::fabs(p[0] - 0.5) + std::fabs(p[2] - 0.5);
      });
  Random random(2);
  int left = 0;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    left += std::fabs(distribution.Draw(random)[2] - 0.5) > 0.1;
  }
  EXPECT_GE(left / static_cast<double>(kDraws), 0.8 / (2 * 8));
}

TEST(MixedDistributionTest, OfInactiveNumbersNothingIsLearned) {
  const SearchSpace space = Space();
  MixedDistribution distribution(space, Point(3, 0.5), 0.1, 8);
  Random random(1);
  for (int i = 0; i < 30; ++i) {
    std::vector<Point> points(8, {0.5, kNaN, kNaN});
    for (Point& point : points) point[0] = distribution.Draw(random)[0];
    distribution.Update(points, random);
  }
  for (int i = 0; i < 100; ++i) {
    for (const double u : distribution.Draw(random)) {
      ASSERT_TRUE(std::isfinite(u));
    }
  }
}

TEST(MixedDistributionTest, IsSpentOnceAllNumbersAreSettled) {
  const SearchSpace space = *SearchSpace::Create({Of("x", DoubleDomain{})});
  EXPECT_FALSE(MixedDistribution(space, {0.5}, 1.0 / 6, 4).IsSpent());
  const auto loss = [](const Point& p) { return std::fabs(p[0] - 0.3); };
  EXPECT_TRUE(Learned(space, 400, loss).IsSpent());
}

}  // namespace
}  // namespace assay
