#include "search/gp/model_fit.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "tests/search/gp/mixed_space.h"

namespace assay {
namespace {

using Kind = OutputTransform::Kind;

ModelFit Best(const Eigen::MatrixXd& x, const Eigen::VectorXd& values) {
  Random random(1);
  return FitBestModel(Features::Continuous(static_cast<int>(x.cols())), x,
                      values, {}, {}, random);
}

ModelFit Fit(Kind kind, const Eigen::MatrixXd& x,
             const Eigen::VectorXd& values) {
  Random random(1);
  return FitModel(kind, Features::Continuous(static_cast<int>(x.cols())), x,
                  values, {}, {}, random);
}

TEST(ModelFitTest, SmoothFunctionsAreStandardized) {
  Random random(2);
  const Eigen::MatrixXd x = RandomMatrix(50, 2, random).array() - 0.5;
  const Eigen::VectorXd y = (3 * x.col(0).array()).sin() + x.col(1).array();
  EXPECT_EQ(Best(x, y).transform.kind(), Kind::kStandardize);
}

TEST(ModelFitTest, HeavyBadTailsAreRanked) {
  Random random(3);
  const Eigen::MatrixXd x = RandomMatrix(50, 2, random).array() - 0.5;
  const Eigen::VectorXd y =
      -(8 * ((3 * x.col(0).array()).sin() + x.col(1).array())).exp();
  EXPECT_EQ(Best(x, y).transform.kind(), Kind::kHalfRankLog);
}

TEST(ModelFitTest, TheScoreIsADensityInTheUnitOfTheMetric) {
  Random random(4);
  const Eigen::MatrixXd x = RandomMatrix(30, 2, random).array() - 0.5;
  const Eigen::VectorXd y = (3 * x.col(0).array()).sin() + x.col(1).array();
  for (const Kind kind : {Kind::kStandardize, Kind::kHalfRankLog}) {
    EXPECT_NEAR(Fit(kind, x, 1000 * y).LeaveOneOutScore(),
                Fit(kind, x, y).LeaveOneOutScore() - std::log(1000), 1e-3);
  }
}

TEST(ModelFitTest, FailuresAreTrainedOnButNotScored) {
  Random random(5);
  const Eigen::MatrixXd x = RandomMatrix(30, 2, random).array() - 0.5;
  Eigen::VectorXd y = (3 * x.col(0).array()).sin() + x.col(1).array();
  y[3] = y[17] = std::numeric_limits<double>::quiet_NaN();
  const ModelFit fit = Best(x, y);
  EXPECT_EQ(fit.process.size(), 30);
  EXPECT_TRUE(std::isfinite(fit.LeaveOneOutScore()));
  EXPECT_LT(fit.process.y()[3], -1);
}

TEST(ModelFitTest, WorksFromTheFirstObservation) {
  Random random(6);
  for (const int n : {1, 2, 3, 4, 5}) {
    const Eigen::MatrixXd x = RandomMatrix(n, 3, random).array() - 0.5;
    const ModelFit fit = Best(x, SmoothTargets(x));
    EXPECT_EQ(fit.process.size(), n);
    EXPECT_TRUE(fit.process.Mean(x).allFinite());
  }
}

}  // namespace
}  // namespace assay
