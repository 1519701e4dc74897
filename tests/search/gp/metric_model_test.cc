#include "search/gp/metric_model.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "tests/search/gp/mixed_space.h"

namespace assay {
namespace {

using Kind = OutputTransform::Kind;

// Of an objective, at an anchor: the transform is open.
MetricModel Fitted(const Eigen::MatrixXd& x, const Eigen::VectorXd& values) {
  MetricModel model(MetricModel::Role::kObjective,
                    Features::Continuous(static_cast<int>(x.cols())),
                    {.transform = BayesianOptions::Transform::kAuto}, 1);
  model.Fit({x, values, Eigen::VectorXd::Ones(x.rows())}, /*anchor=*/true);
  return model;
}

// In the square around 0.
Eigen::MatrixXd Points(int count, uint64_t seed) {
  Random random(seed);
  return RandomMatrix(count, 2, random).array() - 0.5;
}

Eigen::VectorXd Smooth(const Eigen::MatrixXd& x) {
  return (3 * x.col(0).array()).sin() + x.col(1).array();
}

Eigen::VectorXd HeavyTailed(const Eigen::MatrixXd& x) {
  return -(8 * Smooth(x).array()).exp();
}

TEST(MetricModelTest, SmoothFunctionsAreStandardized) {
  const Eigen::MatrixXd x = Points(50, 2);
  EXPECT_EQ(Fitted(x, Smooth(x)).transform(), Kind::kStandardize);
}

TEST(MetricModelTest, HeavyBadTailsAreRanked) {
  const Eigen::MatrixXd x = Points(50, 3);
  EXPECT_EQ(Fitted(x, HeavyTailed(x)).transform(), Kind::kHalfRankLog);
}

TEST(MetricModelTest, TheUnitOfTheMetricDoesNotChooseTheTransform) {
  const Eigen::MatrixXd x = Points(50, 4);
  for (const double unit : {1e-6, 1e6}) {
    EXPECT_EQ(Fitted(x, unit * Smooth(x)).transform(), Kind::kStandardize);
    EXPECT_EQ(Fitted(x, unit * HeavyTailed(x)).transform(), Kind::kHalfRankLog);
  }
}

TEST(MetricModelTest, FailuresAreTrainedOnAsTheWorst) {
  const Eigen::MatrixXd x = Points(30, 5);
  Eigen::VectorXd values = Smooth(x);
  values[3] = values[17] = std::numeric_limits<double>::quiet_NaN();
  const MetricModel model = Fitted(x, values);
  EXPECT_EQ(model.process().size(), 30);
  EXPECT_LT(model.process().y()[3], -1);
  EXPECT_EQ(model.process().y()[3], model.process().y().minCoeff());
}

TEST(MetricModelTest, WorksFromTheFirstObservation) {
  for (const int n : {1, 2, 3, 4, 5}) {
    const Eigen::MatrixXd x = Points(n, 6);
    const MetricModel model = Fitted(x, Smooth(x));
    EXPECT_EQ(model.process().size(), n);
    EXPECT_TRUE(model.process().Mean(x).allFinite());
  }
}

}  // namespace
}  // namespace assay
