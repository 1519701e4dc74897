#include <Eigen/Core>

#include "gtest/gtest.h"
#include "search/gp/gaussian_process.h"
#include "search/gp/marginal_likelihood.h"

namespace assay {
namespace {

// scikit-learn 1.9.1: ConstantKernel * Matern(nu=2.5) + WhiteKernel.
#include "tests/search/gp/scikit_learn.inc"

constexpr int kDimensions = 4, kRows = 40, kQueries = 15;

Eigen::MatrixXd Rows(const double* data, int rows) {
  using RowMajor =
      Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(data, rows, kDimensions);
}

Eigen::VectorXd Vector(const double* data, int size) {
  return Eigen::Map<const Eigen::VectorXd>(data, size);
}

Hyperparameters Reference() {
  return {.inverse_squared_lengthscales =
              Vector(kLengths, kDimensions).array().square().inverse(),
          .signal_variance = kSignal,
          .noise_variance = kNoise};
}

TEST(GaussianProcessReferenceTest, MeanAndVarianceAreThoseOfScikitLearn) {
  const GaussianProcess process(Features::Continuous(kDimensions), Reference(),
                                Rows(kX, kRows), Vector(kY, kRows));
  const Posterior posterior = process.Predict(Rows(kZ, kQueries));
  for (int i = 0; i < kQueries; ++i) {
    EXPECT_NEAR(posterior.mean[i], kMean[i], 1e-11);
    EXPECT_NEAR(posterior.variance[i], kVariance[i], 1e-11);
  }
}

TEST(GaussianProcessReferenceTest, LikelihoodIsThatOfScikitLearn) {
  const Features features = Features::Continuous(kDimensions);
  const Eigen::MatrixXd x = Rows(kX, kRows);
  const Eigen::VectorXd y = Vector(kY, kRows);
  MarginalLikelihood likelihood(features, x, y, {});
  const auto value = likelihood.Evaluate(Reference());
  EXPECT_NEAR(value.value, kLikelihood[0], 1e-9);
  EXPECT_NEAR(value.gradient[4], kLikelihoodGradient[0], 1e-8);
  for (int j = 0; j < kDimensions; ++j) {  // log il = -2 log l.
    EXPECT_NEAR(-2 * value.gradient[j], kLikelihoodGradient[1 + j], 1e-8);
  }
  EXPECT_NEAR(value.gradient[5], kLikelihoodGradient[5], 1e-8);
}

}  // namespace
}  // namespace assay
