#include "search/strategies/cma_es/categorical_distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gtest/gtest.h"

namespace assay {
namespace {

double Sum(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0);
}

const std::vector<double> kWeights = {0.6, 0.3, 0.1};

TEST(CategoricalDistributionTest, BeginsEven) {
  const CategoricalDistribution distribution({4, 1});
  for (const double p : distribution.probabilities(0)) EXPECT_EQ(p, 0.25);
  EXPECT_EQ(distribution.probabilities(1)[0], 1);
}

TEST(CategoricalDistributionTest, DrawsFollowTheProbabilities) {
  CategoricalDistribution distribution({3});
  distribution.Update(std::vector<std::vector<int>>(3, {1}), kWeights);
  Random random(1);
  std::vector<int> counts(3);
  for (int i = 0; i < 50'000; ++i) ++counts[distribution.Draw(random)[0]];
  for (int k = 0; k < 3; ++k) {
    EXPECT_NEAR(counts[k] / 50'000.0, distribution.probabilities(0)[k], 0.01);
  }
}

TEST(CategoricalDistributionTest, MovesToWhatIsChosenAndKeepsTheMargin) {
  CategoricalDistribution distribution({5, 3});
  for (int i = 0; i < 200; ++i) {
    distribution.Update(std::vector<std::vector<int>>(3, {2, 0}), kWeights);
    for (const int parameter : {0, 1}) {
      const auto& q = distribution.probabilities(parameter);
      const double least =
          (1 - std::pow(0.73, 0.5)) / (static_cast<double>(q.size()) - 1);
      EXPECT_NEAR(Sum(q), 1, 1e-9);
      EXPECT_GE(*std::min_element(q.begin(), q.end()), least - 1e-9);
    }
  }
  EXPECT_GT(distribution.probabilities(0)[2], 0.8);
  EXPECT_GT(distribution.probabilities(1)[0], 0.8);
}

TEST(CategoricalDistributionTest, OfInactiveParametersNothingIsLearned) {
  CategoricalDistribution distribution({4, 2});
  for (int i = 0; i < 50; ++i) {
    distribution.Update(std::vector<std::vector<int>>(3, {-1, 1}), kWeights);
  }
  for (const double p : distribution.probabilities(0))
    EXPECT_NEAR(p, 0.25, 1e-9);
  EXPECT_GT(distribution.probabilities(1)[1], 0.7);
}

TEST(CategoricalDistributionTest, FindsTheBestOfManyByRanks) {
  CategoricalDistribution distribution(std::vector<int>(6, 5));
  Random random(1);
  for (int generation = 0; generation < 300; ++generation) {
    std::vector<std::vector<int>> points;
    for (int i = 0; i < 9; ++i) points.push_back(distribution.Draw(random));
    const auto loss = [](const std::vector<int>& point) {
      return std::count(point.begin(), point.end(), 3);
    };
    std::stable_sort(
        points.begin(), points.end(),
        [&](const auto& a, const auto& b) { return loss(a) > loss(b); });
    points.resize(3);
    distribution.Update(points, kWeights);
  }
  for (int i = 0; i < 6; ++i) {
    EXPECT_GT(distribution.probabilities(i)[3], 0.5) << i;
  }
}

}  // namespace
}  // namespace assay
