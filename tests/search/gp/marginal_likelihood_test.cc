#include "search/gp/marginal_likelihood.h"

#include <cmath>

#include "gtest/gtest.h"
#include "search/gp/gaussian_process.h"
#include "tests/search/gp/random_derivatives.h"

namespace assay {
namespace {

struct Data {
  Features features;
  Eigen::MatrixXd x;
  Eigen::VectorXd y, multipliers;
};

Data MixedData(int n, Random& random) {
  const SearchSpace space = MixedSpace();
  Data data{.features = Features(space)};
  data.x = data.features.EmbedRows(RandomPoints(space, n, random));
  data.y = SmoothTargets(data.x) + RandomMatrix(n, 1, random);
  data.multipliers = 0.25 + 4 * RandomMatrix(n, 1, random).array();
  return data;
}

// At some hyperparameters, `more` beyond those of values alone.
void ExpectGradientOfDifferences(const Features& features,
                                 MarginalLikelihood& likelihood, Random& random,
                                 int more = 0) {
  const auto at = [&](const Eigen::VectorXd& log) {
    return likelihood.Evaluate(Hyperparameters::FromLog(features, log));
  };
  for (int repeat = 0; repeat < 5; ++repeat) {
    const Eigen::VectorXd log =
        3 * RandomMatrix(Hyperparameters::Size(features) + more, 1, random)
                .array() -
        2;
    const Eigen::VectorXd gradient = at(log).gradient;
    for (int i = 0; i < log.size(); ++i) {
      // Richardson's extrapolation: the error is of order h^4.
      const auto slope = [&](double h) {
        Eigen::VectorXd up = log, down = log;
        up[i] += h;
        down[i] -= h;
        return (at(up).value - at(down).value) / (2 * h);
      };
      const double expected = (4 * slope(5e-4) - slope(1e-3)) / 3;
      EXPECT_NEAR(gradient[i], expected,
                  1e-6 * (std::abs(expected) + 1e-3 * gradient.norm()))
          << i;
    }
  }
}

TEST(MarginalLikelihoodTest, GradientIsThatOfFiniteDifferences) {
  Random random(1);
  const Data data = MixedData(45, random);
  MarginalLikelihood likelihood(data.features, data.x, data.y,
                                data.multipliers);
  ExpectGradientOfDifferences(data.features, likelihood, random);
}

TEST(MarginalLikelihoodTest, SoItIsWithAnotherCovarianceAdded) {
  Random random(1);
  const Data data = MixedData(45, random);
  const Eigen::MatrixXd basis = RandomMatrix(45, 3, random);
  const Eigen::MatrixXd covariance = basis * basis.transpose();
  MarginalLikelihood likelihood(data.features, data.x, data.y,
                                data.multipliers);
  const Hyperparameters h = Hyperparameters::Default(data.features);
  const double without = likelihood.Evaluate(h).value;
  likelihood.AddCovariance(covariance);
  EXPECT_NE(likelihood.Evaluate(h).value, without);
  ExpectGradientOfDifferences(data.features, likelihood, random);
}

Derivatives MixedDerivatives(const Features& features, Eigen::MatrixXd& x,
                             Random& random) {
  const Eigen::MatrixXd points =
      RandomPoints(MixedSpace(), static_cast<int>(x.rows()), random);
  x = features.EmbedRows(points);
  return DerivativesAt(RandomDirections(features, points, random), 3, random);
}

TEST(MarginalLikelihoodTest, SoItIsWithDerivatives) {
  Random random(3);
  Data data = MixedData(45, random);
  const Derivatives derivatives =
      MixedDerivatives(data.features, data.x, random);
  MarginalLikelihood likelihood(data.features, data.x, data.y,
                                data.multipliers);
  likelihood.AddDerivatives(derivatives);
  ExpectGradientOfDifferences(data.features, likelihood, random, 1);
}

TEST(MarginalLikelihoodTest, IsThatOfTheGaussianProcessWithDerivativesToo) {
  Random random(4);
  Data data = MixedData(30, random);
  const Derivatives derivatives =
      MixedDerivatives(data.features, data.x, random);
  Hyperparameters h = Hyperparameters::Default(data.features);
  h.derivative_noise = 0.3;
  MarginalLikelihood likelihood(data.features, data.x, data.y,
                                data.multipliers);
  likelihood.AddDerivatives(derivatives);
  GaussianProcess process(data.features, h, data.x, data.y, data.multipliers);
  process.SetDerivatives(derivatives);
  EXPECT_NEAR(likelihood.Evaluate(h).value, process.LogMarginalLikelihood(),
              1e-9);
}

TEST(MarginalLikelihoodTest, IsThatOfTheGaussianProcess) {
  Random random(2);
  const Data data = MixedData(30, random);
  const Hyperparameters h = Hyperparameters::Default(data.features);
  MarginalLikelihood likelihood(data.features, data.x, data.y,
                                data.multipliers);
  const GaussianProcess process(data.features, h, data.x, data.y,
                                data.multipliers);
  EXPECT_NEAR(likelihood.Evaluate(h).value, process.LogMarginalLikelihood(),
              1e-10);
}

TEST(MarginalLikelihoodTest, OneObservation) {
  const Features features = Features::Continuous(1);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Zero(1, 1);
  const Eigen::VectorXd y = Eigen::VectorXd::Constant(1, 2);
  MarginalLikelihood likelihood(features, x, y, {});
  const Hyperparameters h = Hyperparameters::Default(features);
  EXPECT_NEAR(likelihood.Evaluate(h).value,
              -0.5 * (4 / 1.1 + std::log(2 * M_PI * 1.1)), 1e-12);
}

TEST(MarginalLikelihoodTest, NoNumberForAMatrixThatIsNotPositiveDefinite) {
  const Features features = Features::Continuous(1);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Zero(3, 1);
  const Eigen::VectorXd y = Eigen::VectorXd::Ones(3);
  MarginalLikelihood likelihood(features, x, y, {});
  Hyperparameters h = Hyperparameters::Default(features);
  h.noise_variance = 0;
  EXPECT_EQ(likelihood.Evaluate(h).value, -INFINITY);
}

}  // namespace
}  // namespace assay
