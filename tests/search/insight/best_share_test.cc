#include "search/insight/best_share.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "search/math/random.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Eigen::MatrixXd Uniform(int rows, int columns, uint64_t seed) {
  Random random(seed);
  return Eigen::MatrixXd::NullaryExpr(rows, columns,
                                      [&] { return random.Uniform(); });
}

// Far from the best, column 0 decides; among the best it is column 1 alone.
TEST(BestShareTest, WhatMattersAmongTheBestNeedNotMatterElsewhere) {
  const Eigen::MatrixXd points = Uniform(20000, 3, 1);
  const Eigen::VectorXd values =
      points.rowwise().sum().unaryExpr([](double) { return 0.0; });
  Eigen::VectorXd y = values;
  for (Eigen::Index i = 0; i < y.size(); ++i) {
    y[i] = (points(i, 0) > 0.5 ? 100 : 0) + points(i, 1);
  }
  const Eigen::VectorXd best = SharesWithinBest(points, y, 0.1);
  EXPECT_NEAR(best[0], 0, 0.01);
  EXPECT_GT(best[1], 0.95);
  EXPECT_NEAR(best[2], 0, 0.01);
  const Eigen::VectorXd all = SharesWithinBest(points, y, 1);
  EXPECT_GT(all[0], 0.95);
}

TEST(BestShareTest, ChanceExplainsNothing) {
  const Eigen::MatrixXd points = Uniform(2000, 20, 2);
  const Eigen::VectorXd values = Uniform(2000, 1, 3);
  EXPECT_LT(SharesWithinBest(points, values, 0.1).mean(), 0.03);
}

TEST(BestShareTest, CategoriesAreGroupsOfTheirOwn) {
  Eigen::MatrixXd points = Uniform(3000, 2, 4);
  Eigen::VectorXd values(points.rows());
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    points(i, 0) = (std::floor(points(i, 0) * 3) + 0.5) / 3;
    values[i] = points(i, 0) > 0.3 && points(i, 0) < 0.7 ? 1 : 2;
  }
  EXPECT_NEAR(SharesWithinBest(points, values, 1)[0], 1, 1e-9);
  EXPECT_LT(SharesWithinBest(points, values, 1)[1], 0.02);
}

TEST(BestShareTest, InactiveIsAValueToo) {
  Eigen::MatrixXd points = Uniform(4000, 2, 5);
  Eigen::VectorXd values(points.rows());
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    values[i] = points(i, 0) < 0.5 ? 1 : 0;
    if (points(i, 0) < 0.5) points(i, 1) = kNaN;
  }
  EXPECT_NEAR(SharesWithinBest(points, values, 1)[1], 1, 1e-9);
}

TEST(BestShareTest, AllTheBestEqualSaysNothing) {
  const Eigen::MatrixXd points = Uniform(100, 2, 6);
  const Eigen::VectorXd values = Eigen::VectorXd::Constant(100, 3);
  EXPECT_TRUE(SharesWithinBest(points, values, 0.1).array().isNaN().all());
  EXPECT_TRUE(
      std::isnan(SharesWithinBest(points.topRows(1), values.head(1), 0.1)[0]));
}

}  // namespace
}  // namespace assay
