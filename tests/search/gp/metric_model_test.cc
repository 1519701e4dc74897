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

// Of Smooth() times `sign`, exact.
std::vector<MetricModel::KnownDerivative> Gradients(const Eigen::MatrixXd& x,
                                                    double sign) {
  std::vector<MetricModel::KnownDerivative> gradients;
  for (int i = 0; i < x.rows(); ++i) {
    gradients.push_back(
        {i, *AlongItself({{sign * 3 * std::cos(3 * x(i, 0)), sign}, {0, 0}})});
  }
  return gradients;
}

MetricModel Fitted(MetricModel::Data data) {
  MetricModel model(MetricModel::Role::kObjective, Features::Continuous(2),
                    {.transform = BayesianOptions::Transform::kAuto}, 1);
  model.Fit(data, /*anchor=*/true);
  return model;
}

MetricModel::Data SmoothData(const Eigen::MatrixXd& x) {
  return {x, Smooth(x), Eigen::VectorXd::Ones(x.rows())};
}

TEST(MetricModelTest, RightGradientsAreUsedAndPredictBetter) {
  double error = 0, error_without = 0;
  for (const uint64_t seed : {7, 8, 9, 10}) {
    MetricModel::Data data = SmoothData(Points(8, seed));
    const MetricModel without = Fitted(data);
    data.derivatives = Gradients(data.x, 1);
    const MetricModel with = Fitted(data);
    ASSERT_TRUE(with.derivative_choice());
    EXPECT_TRUE(with.derivative_choice()->used);
    EXPECT_GT(with.process().derivatives().size(), 3);
    const Eigen::MatrixXd z = Points(100, seed + 100);
    error += (with.Expect(z) - Smooth(z)).norm();
    error_without += (without.Expect(z) - Smooth(z)).norm();
  }
  EXPECT_LT(error, 0.6 * error_without) << error << " of " << error_without;
}

TEST(MetricModelTest, MisleadingGradientsLeaveTheModelOfTheValues) {
  for (const uint64_t seed : {7, 8, 9, 10}) {
    MetricModel::Data data = SmoothData(Points(12, seed));
    const MetricModel without = Fitted(data);
    data.derivatives = Gradients(data.x, -1);
    const MetricModel with = Fitted(data);
    ASSERT_TRUE(with.derivative_choice());
    EXPECT_FALSE(with.derivative_choice()->used);
    EXPECT_TRUE(with.process().derivatives().empty());
    const Eigen::MatrixXd z = Points(100, seed + 100);
    EXPECT_EQ(with.Expect(z), without.Expect(z));  // Bit for bit.
  }
}

TEST(MetricModelTest, GradientsFollowTheTransformOfNewValues) {
  MetricModel::Data data = SmoothData(Points(12, 11));
  data.derivatives = Gradients(data.x, 1);
  for (auto& known : data.derivatives) known.along.variance = 0.01;
  MetricModel model = Fitted(data);
  ASSERT_TRUE(model.derivative_choice()->used);
  const Derivatives before = model.process().derivatives();
  for (auto& known : data.derivatives) {
    known.along.value *= 10, known.along.variance *= 100;
  }
  model.SetValues(10 * data.values, data.derivatives);
  const Derivatives& after = model.process().derivatives();
  EXPECT_EQ(after.rows, before.rows);
  EXPECT_LT((after.targets - before.targets).norm(), 1e-12);
  EXPECT_LT((after.variances - before.variances).norm(), 1e-12);
}

TEST(MetricModelTest, WhatCountsByItsRankHasNoGradient) {
  MetricModel::Data data = SmoothData(Points(20, 12));
  data.derivatives = Gradients(data.x, 1);
  MetricModel model(MetricModel::Role::kObjective, Features::Continuous(2),
                    {.transform = BayesianOptions::Transform::kHalfRankLog}, 1);
  model.Fit(data, /*anchor=*/true);
  ASSERT_TRUE(model.derivative_choice()->used);
  EXPECT_EQ(model.process().derivatives().size(), 10);
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
