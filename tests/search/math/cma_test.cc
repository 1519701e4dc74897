#include "search/math/cma.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using Point = std::vector<double>;

double Sphere(const Point& x) {
  return std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
}

// Squared axes from 1 to 10^6.
double Ellipsoid(const Point& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double share = static_cast<double>(i) / (x.size() - 1.0);
    sum += std::pow(10, 6 * share) * x[i] * x[i];
  }
  return sum;
}

using Function = double (*)(const Point& x);

std::vector<Point> Population(const Cma& cma, Random& random) {
  std::vector<Point> points;
  for (int i = 0; i < cma.population(); ++i) points.push_back(cma.Draw(random));
  return points;
}

void Rank(std::vector<Point>& points, Function function) {
  std::stable_sort(points.begin(), points.end(),
                   [&](const Point& a, const Point& b) {
                     return function(a) < function(b);
                   });
}

// Points drawn up to and with the first that is not above the target.
int Evaluations(Function function, int dimensions, uint64_t seed,
                double target = 1e-8) {
  Cma cma(Point(dimensions, 1.0), 0.5, Cma::DefaultPopulation(dimensions));
  Random random(seed);
  for (int count = 0; count < 200'000;) {
    std::vector<Point> points = Population(cma, random);
    for (const Point& point : points) {
      ++count;
      if (function(point) <= target) return count;
    }
    Rank(points, function);
    cma.Update(points);
  }
  return 200'000;
}

double MedianEvaluations(Function function, int dimensions) {
  constexpr int kSeeds = 51;
  std::vector<int> counts;
  for (int seed = 0; seed < kSeeds; ++seed) {
    counts.push_back(Evaluations(function, dimensions, seed));
  }
  std::sort(counts.begin(), counts.end());
  return counts[kSeeds / 2];
}

struct Reference {
  std::string function;
  int dimensions;
  double evaluations;
};

const Reference kReferences[] = {
#include "tests/search/math/cma_reference.inc"
};

TEST(CmaTest, NeedsAsManyEvaluationsAsPycmaToTenPerCent) {
  for (const auto& [function, dimensions, evaluations] : kReferences) {
    const double median = MedianEvaluations(
        function == "sphere" ? Sphere : Ellipsoid, dimensions);
    EXPECT_NEAR(median / evaluations, 1, 0.1)
        << function << " in " << dimensions << ": " << median << ", pycma "
        << evaluations;
    RecordProperty(function + std::to_string(dimensions),
                   std::to_string(median));
  }
}

TEST(CmaTest, DefaultPopulationsAreThoseOfTheTutorial) {
  EXPECT_EQ(Cma::DefaultPopulation(1), 4);
  EXPECT_EQ(Cma::DefaultPopulation(5), 8);
  EXPECT_EQ(Cma::DefaultPopulation(10), 10);
  EXPECT_EQ(Cma::DefaultPopulation(40), 15);
}

TEST(CmaTest, OneDimensionConverges) {
  EXPECT_LT(Evaluations(Sphere, 1, 1), 500);
}

TEST(CmaTest, ParentWeightsFallAndSumToOne) {
  const std::vector<double> weights = Cma::ParentWeights(9);
  ASSERT_EQ(weights.size(), 4u);
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-12);
  EXPECT_TRUE(std::is_sorted(weights.rbegin(), weights.rend()));
  EXPECT_GT(weights.back(), 0);
}

TEST(CmaTest, ManyDimensionsConvergeByVariancesAlone) {
  constexpr int kDimensions = Cma::kMostCorrelated + 1;
  Cma cma(Point(kDimensions, 1.0), 0.5, Cma::DefaultPopulation(kDimensions));
  Random random(1);
  for (int i = 0; i < 600; ++i) {
    std::vector<Point> points = Population(cma, random);
    Rank(points, Sphere);
    cma.Update(points);
  }
  EXPECT_LT(Sphere(cma.Draw(random)), 1e-2 * kDimensions);
}

TEST(CmaTest, APointFromFarAwayMovesTheMeanButDoesNotExplode) {
  Cma cma(Point(4, 0.5), 0.1, Cma::DefaultPopulation(4));
  Random random(1);
  std::vector<Point> points = Population(cma, random);
  points[0] = Point(4, 1e6);
  cma.Update(points);
  EXPECT_GT(cma.mean().minCoeff(), 0.5);
  EXPECT_LT(cma.mean().maxCoeff(), 1.5);
  EXPECT_LT(cma.LargestDeviation(), 1);
}

TEST(CmaTest, EqualPointsLeaveItUsable) {
  Cma cma(Point(3, 0.5), 0.1, Cma::DefaultPopulation(3));
  Random random(1);
  for (int i = 0; i < 500; ++i) {
    cma.Update(std::vector<Point>(cma.population(), Point(3, 0.25)));
    for (const double x : cma.Draw(random)) ASSERT_TRUE(std::isfinite(x));
  }
  EXPECT_NEAR(cma.mean()[0], 0.25, 1e-3);
}

TEST(CmaTest, StretchSetsTheDeviationOfOneCoordinate) {
  Cma cma(Point(3, 0.5), 0.1, Cma::DefaultPopulation(3));
  cma.Stretch(1, 0.7);
  EXPECT_NEAR(cma.Deviation(0), 0.1, 1e-12);
  EXPECT_NEAR(cma.Deviation(1), 0.7, 1e-12);
  Random random(1);
  double squares = 0;
  for (int i = 0; i < 10'000; ++i) {
    squares += std::pow(cma.Draw(random)[1] - 0.5, 2);
  }
  EXPECT_NEAR(std::sqrt(squares / 10'000), 0.7, 0.02);
}

}  // namespace
}  // namespace assay
