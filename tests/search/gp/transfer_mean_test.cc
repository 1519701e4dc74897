#include "search/gp/transfer_mean.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "search/gp/transfer_sources.h"
#include "tests/search/gp/transfer_studies.h"

namespace assay {
namespace {

class TransferMeanTest : public testing::Test {
 protected:
  TransferMeanTest() : sources_(SquareSpec()) {
    sources_.Add(RandomStudy("a", Trust::kSimilar, 30, Bowl(0.2, 0.3)));
    sources_.Add(RandomStudy("b", Trust::kSimilar, 31, Bowl(0.8, 0.7)));
    sources_.Fit();
    mean_ = std::make_shared<TransferMean>(sources_.processes(0),
                                           Eigen::Vector3d(0.5, 0.7, -0.2));
  }

  static Eigen::MatrixXd Rows() {
    Random random(3);
    Eigen::MatrixXd rows(5, 2);
    for (double& x : rows.reshaped()) x = random.Uniform() - 0.5;
    return rows;
  }

  // By central differences, [2, m].
  template <typename Value>
  static Eigen::MatrixXd Differences(const Eigen::MatrixXd& rows, Value value) {
    constexpr double kStep = 1e-6;
    Eigen::MatrixXd slopes(2, rows.rows());
    for (int c = 0; c < 2; ++c) {
      Eigen::MatrixXd up = rows, down = rows;
      up.col(c).array() += kStep, down.col(c).array() -= kStep;
      slopes.row(c) = (value(up) - value(down)) / (2 * kStep);
    }
    return slopes;
  }

  TransferSources sources_;
  std::shared_ptr<const TransferMean> mean_;
};

TEST_F(TransferMeanTest, IsTheWeightedSumOfTheSources) {
  const Eigen::MatrixXd rows = Rows();
  const Eigen::VectorXd expected =
      0.5 + 0.7 * sources_.process(0, 0).Mean(rows).array() -
      0.2 * sources_.process(1, 0).Mean(rows).array();
  EXPECT_LT((mean_->Values(rows) - expected).norm(), 1e-12);
}

TEST_F(TransferMeanTest, GradientsAreThoseOfDifferences) {
  const Eigen::MatrixXd rows = Rows();
  const Eigen::MatrixXd slopes = Differences(
      rows, [&](const Eigen::MatrixXd& z) { return mean_->Values(z); });
  EXPECT_LT((mean_->Gradients(rows) - slopes).norm(), 1e-6);
}

// What a process with a mean says: that of one without, of the residuals.
TEST_F(TransferMeanTest, AProcessAroundItIsOneOfTheResidualsAndTheMean) {
  const Features& features = sources_.features();
  const Eigen::MatrixXd x = Rows().topRows(3), z = Rows().bottomRows(2);
  const Eigen::Vector3d y(0.3, -1, 2);
  const Hyperparameters hyperparameters = Hyperparameters::Default(features);
  GaussianProcess with(features, hyperparameters, x.topRows(2), y.head(2));
  with.SetMean(mean_);
  with.Append(x.row(2));
  with.SetTargets(y);
  const Eigen::VectorXd residuals = y - mean_->Values(x);
  const GaussianProcess plain(features, hyperparameters, x, residuals);

  EXPECT_LT((with.Mean(z) - plain.Mean(z) - mean_->Values(z)).norm(), 1e-10);
  const Posterior a = with.Predict(z), b = plain.Predict(z);
  EXPECT_LT((a.mean - with.Mean(z)).norm(), 1e-10);
  EXPECT_LT((a.variance - b.variance).norm(), 1e-10);
  EXPECT_NEAR(with.LogMarginalLikelihood(), plain.LogMarginalLikelihood(),
              1e-10);
  const LeaveOneOut left_out = with.LeaveOneOutPosterior();
  EXPECT_LT(
      (left_out.mean - plain.LeaveOneOutPosterior().mean - mean_->Values(x))
          .norm(),
      1e-10);
  EXPECT_EQ(with.y(), y);
}

TEST_F(TransferMeanTest, GradientsOfAProcessAroundItAreThoseOfDifferences) {
  const Features& features = sources_.features();
  const Eigen::MatrixXd x = Rows().topRows(3), z = Rows().bottomRows(2);
  GaussianProcess process(features, Hyperparameters::Default(features), x,
                          Eigen::Vector3d(0.3, -1, 2));
  process.SetMean(mean_);
  const Eigen::MatrixXd slopes = Differences(
      z, [&](const Eigen::MatrixXd& rows) { return process.Mean(rows); });
  EXPECT_LT((process.PredictWithGradients(z).mean_gradient - slopes).norm(),
            1e-6);
  EXPECT_LT((process.MeanGradients(z) - slopes).norm(), 1e-6);
}

}  // namespace
}  // namespace assay
