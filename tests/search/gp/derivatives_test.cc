#include "search/gp/derivatives.h"

#include <cmath>
#include <functional>
#include <memory>

#include <Eigen/Cholesky>

#include "gtest/gtest.h"
#include "search/gp/derivative_kernel.h"
#include "search/gp/gaussian_process.h"
#include "tests/search/gp/posterior_checks.h"
#include "tests/search/gp/random_derivatives.h"

namespace assay {
namespace {

// Gaussian processes with directional derivatives.

struct Data {
  Features features;
  Hyperparameters hyperparameters;
  Eigen::MatrixXd x;
  Eigen::VectorXd y, multipliers;
  Derivatives derivatives;

  // Of the first n rows.
  Derivatives FirstDerivatives(int n) const {
    Derivatives first;
    for (const int row : derivatives.rows) {
      if (row < n) first.rows.push_back(row);
    }
    const int m = first.size();
    first.directions = derivatives.directions.topRows(m);
    first.targets = derivatives.targets.head(m);
    first.variances = derivatives.variances.head(m);
    return first;
  }

  GaussianProcess First(int n) const {
    GaussianProcess process(features, hyperparameters, x.topRows(n), y.head(n),
                            multipliers.head(n));
    process.SetDerivatives(FirstDerivatives(n));
    return process;
  }
};

// Derivatives at every second row.
Data MixedData(int n, Random& random) {
  const SearchSpace space = MixedSpace();
  Data data{.features = Features(space)};
  data.hyperparameters = Hyperparameters::Default(data.features);
  data.hyperparameters.inverse_squared_lengthscales.setLinSpaced(0.5, 3);
  data.hyperparameters.noise_variance = 0.01;
  data.hyperparameters.derivative_noise = 0.05;
  const Eigen::MatrixXd points = RandomPoints(space, n, random);
  data.x = data.features.EmbedRows(points);
  data.y = SmoothTargets(data.x);
  data.multipliers = 0.25 + 4 * RandomMatrix(n, 1, random).array();
  data.derivatives =
      DerivativesAt(RandomDirections(data.features, points, random), 2, random);
  return data;
}

Eigen::MatrixXd Queries(const Data& data, int m, Random& random) {
  return data.features.EmbedRows(RandomPoints(MixedSpace(), m, random));
}

// Everything from one matrix, of values, derivatives, then pending rows.
struct Dense {
  Eigen::MatrixXd covariance;  // Noise included.
  Eigen::MatrixXd cross;       // With the queries.
  Eigen::VectorXd targets;     // Of values and derivatives.
};

Dense DenseOf(const Data& data, int n, const Eigen::MatrixXd& pending,
              const Eigen::MatrixXd& z) {
  const Kernel kernel(data.features, data.hyperparameters);
  const Derivatives d = data.FirstDerivatives(n);
  const int m = d.size();
  Eigen::MatrixXd values(n + pending.rows(), data.x.cols()), at(m, z.cols());
  values.topRows(n) = data.x.topRows(n);
  values.bottomRows(pending.rows()) = pending;
  for (int i = 0; i < m; ++i) at.row(i) = data.x.row(d.rows[i]);
  const auto p = pending.rows();
  const Eigen::MatrixXd k = kernel.Cross(values, values);
  const Eigen::MatrixXd c = DerivativeCross(kernel, at, d.directions, values);
  Dense dense{Eigen::MatrixXd(n + m + p, n + m + p),
              Eigen::MatrixXd(n + m + p, z.rows()), Eigen::VectorXd(n + m)};
  Eigen::MatrixXd& all = dense.covariance;
  all.topLeftCorner(n, n) = k.topLeftCorner(n, n);
  all.topRightCorner(n, p) = k.topRightCorner(n, p);
  all.bottomLeftCorner(p, n) = k.bottomLeftCorner(p, n);
  all.bottomRightCorner(p, p) = k.bottomRightCorner(p, p);
  all.block(n, 0, m, n) = c.leftCols(n);
  all.block(0, n, n, m) = c.leftCols(n).transpose();
  all.block(n, n + m, m, p) = c.rightCols(p);
  all.block(n + m, n, p, m) = c.rightCols(p).transpose();
  all.block(n, n, m, m) = DerivativeCovariance(kernel, at, d.directions);
  const double noise = data.hyperparameters.noise_variance;
  auto diagonal = all.diagonal();
  diagonal.head(n) += noise * data.multipliers.head(n);
  diagonal.segment(n, m) +=
      d.variances + *data.hyperparameters.derivative_noise *
                        DerivativeVariances(kernel, d.directions);
  diagonal.tail(p).array() += noise;
  dense.cross.topRows(n) = kernel.Cross(data.x.topRows(n), z);
  dense.cross.middleRows(n, m) = DerivativeCross(kernel, at, d.directions, z);
  dense.cross.bottomRows(p) = kernel.Cross(pending, z);
  dense.targets << data.y.head(n), d.targets;
  return dense;
}

// k(z, z) - k^T K^-1 k over the first rows.
Eigen::VectorXd Variance(const Dense& dense, double prior, Eigen::Index rows) {
  const Eigen::MatrixXd k = dense.cross.topRows(rows);
  const Eigen::MatrixXd solved =
      dense.covariance.topLeftCorner(rows, rows).llt().solve(k);
  return prior - k.cwiseProduct(solved).colwise().sum().transpose().array();
}

TEST(DerivativesTest, PosteriorIsThatOfTheDenseMatrix) {
  Random random(1);
  const Data data = MixedData(40, random);
  const Eigen::MatrixXd z = Queries(data, 20, random);
  const Eigen::MatrixXd waiting = Queries(data, 5, random);
  GaussianProcess process = data.First(30);
  for (int i = 0; i < 5; ++i) process.AppendPending(waiting.row(i));
  const Dense dense = DenseOf(data, 30, waiting, z);
  const Eigen::Index known = dense.targets.size();
  const Eigen::VectorXd alpha =
      dense.covariance.topLeftCorner(known, known).llt().solve(dense.targets);
  const Posterior posterior = process.Predict(z);
  EXPECT_LT(Difference(posterior.mean,
                       dense.cross.topRows(known).transpose() * alpha),
            1e-9);
  EXPECT_LT(Difference(posterior.variance, Variance(dense, 1, known)), 1e-9);
  EXPECT_LT(Difference(posterior.variance_all,
                       Variance(dense, 1, dense.cross.rows())),
            1e-9);
  EXPECT_LT(Difference(process.Mean(z), posterior.mean), 1e-12);
  ExpectSame(process.PredictWithGradients(z), posterior, 1e-12);
}

TEST(DerivativesTest, MarginalLikelihoodIsThatOfTheDenseMatrix) {
  Random random(2);
  const Data data = MixedData(30, random);
  const Dense dense = DenseOf(data, 30, Eigen::MatrixXd(0, data.x.cols()),
                              Eigen::MatrixXd(0, data.x.cols()));
  const Eigen::LLT<Eigen::MatrixXd> factor(dense.covariance);
  const Eigen::MatrixXd l = factor.matrixL();
  const double expected =
      -0.5 * dense.targets.dot(factor.solve(dense.targets)) -
      l.diagonal().array().log().sum() -
      0.5 * static_cast<double>(dense.targets.size()) * std::log(2 * M_PI);
  EXPECT_NEAR(data.First(30).LogMarginalLikelihood(), expected, 1e-9);
}

TEST(DerivativesTest, AppendIsRefactorization) {
  Random random(3);
  const Data data = MixedData(60, random);
  GaussianProcess grown = data.First(20);
  for (int i = 20; i < 60; ++i) {
    grown.Append(data.x.row(i), data.multipliers[i]);
  }
  grown.SetTargets(data.y);
  grown.SetDerivatives(data.derivatives);
  const Eigen::MatrixXd z = Queries(data, 30, random);
  const GaussianProcess all = data.First(60);
  ExpectSame(grown.Predict(z), all.Predict(z), 1e-9);
  EXPECT_NEAR(grown.LogMarginalLikelihood(), all.LogMarginalLikelihood(), 1e-9);
}

TEST(DerivativesTest, OtherNoiseAndTargetsAreThoseOfAnotherProcess) {
  Random random(4);
  Data data = MixedData(30, random);
  GaussianProcess changed = data.First(30);
  changed.AppendPending(data.x.row(3));
  data.derivatives.targets *= 3;
  data.derivatives.variances *= 9;
  changed.SetDerivatives(data.derivatives);
  EXPECT_EQ(changed.pending(), 0);
  EXPECT_EQ(changed.size(), 30);
  const Eigen::MatrixXd z = Queries(data, 10, random);
  ExpectSame(changed.Predict(z), data.First(30).Predict(z), 1e-12);
}

TEST(DerivativesTest, WithoutThemAllIsBitForBitAsBefore) {
  Random random(5);
  const Data data = MixedData(30, random);
  GaussianProcess none = data.First(30);
  none.SetDerivatives({});
  const GaussianProcess values(data.features, data.hyperparameters, data.x,
                               data.y, data.multipliers);
  const Eigen::MatrixXd z = Queries(data, 10, random);
  EXPECT_EQ(none.Predict(z).mean, values.Predict(z).mean);
  EXPECT_EQ(none.Predict(z).variance, values.Predict(z).variance);
  EXPECT_EQ(none.LeaveOneOutPosterior().mean,
            values.LeaveOneOutPosterior().mean);
}

TEST(DerivativesTest, GradientsAreThoseOfFiniteDifferences) {
  constexpr double kSlack = 1e-2;
  Random random(6);
  const Data data = MixedData(40, random);
  GaussianProcess process = data.First(30);
  for (int i = 30; i < 35; ++i) process.AppendPending(data.x.row(i));
  for (int repeat = 0; repeat < 8; ++repeat) {
    const Eigen::MatrixXd z = Queries(data, 1, random);
    const PosteriorWithGradients all = process.PredictWithGradients(z);
    ExpectGradients(
        process, z, [](const auto& p) { return p.mean[0]; }, all.mean_gradient,
        kSlack);
    ExpectGradients(
        process, z, [](const auto& p) { return p.variance[0]; },
        all.variance_gradient, kSlack);
    ExpectGradients(
        process, z, [](const auto& p) { return p.variance_all[0]; },
        all.variance_all_gradient, kSlack);
    EXPECT_LT(Difference(process.MeanGradients(z), all.mean_gradient), 1e-12);
  }
}

TEST(DerivativesTest, VarianceBoundIsABound) {
  Random random(7);
  const Data data = MixedData(40, random);
  GaussianProcess process = data.First(30);
  for (int i = 30; i < 35; ++i) process.AppendPending(data.x.row(i));
  const Eigen::MatrixXd z = Queries(data, 200, random);
  const Eigen::VectorXd gap =
      process.VarianceBound(z) - process.Predict(z).variance_all;
  EXPECT_GE(gap.minCoeff(), -1e-12);
}

// The value and its derivative, where it has one, are both unknown.
TEST(DerivativesTest, LeaveOneOutLeavesOutTheOwnDerivativeToo) {
  Random random(8);
  const Data data = MixedData(25, random);
  const LeaveOneOut closed = data.First(25).LeaveOneOutPosterior();
  for (int i = 0; i < 25; ++i) {
    Data others = data;
    // Row i comes last; its derivative is dropped.
    std::vector<int> order;
    for (int row = 0; row < 25; ++row) {
      if (row != i) order.push_back(row);
    }
    others.derivatives = {};
    others.derivatives.directions.resize(13, data.x.cols());
    others.derivatives.targets.resize(13),
        others.derivatives.variances.resize(13);
    int m = 0;
    for (int r = 0; r < 24; ++r) {
      others.x.row(r) = data.x.row(order[r]);
      others.y[r] = data.y[order[r]];
      others.multipliers[r] = data.multipliers[order[r]];
      if (order[r] % 2 != 0) continue;
      others.derivatives.rows.push_back(r);
      others.derivatives.directions.row(m) =
          data.derivatives.directions.row(order[r] / 2);
      others.derivatives.targets[m] = data.derivatives.targets[order[r] / 2];
      others.derivatives.variances[m] =
          data.derivatives.variances[order[r] / 2];
      ++m;
    }
    const Posterior brute = others.First(24).Predict(data.x.row(i));
    EXPECT_NEAR(closed.mean[i], brute.mean[0], 1e-9);
    EXPECT_NEAR(closed.variance[i],
                brute.variance[0] +
                    data.hyperparameters.noise_variance * data.multipliers[i],
                1e-9);
  }
}

class Slanted final : public MeanFunction {
 public:
  explicit Slanted(Eigen::VectorXd slope) : slope_(std::move(slope)) {}
  Eigen::VectorXd Values(const Kernel::Rows& z) const override {
    return z * slope_;
  }
  Eigen::MatrixXd Gradients(const Kernel::Rows& z) const override {
    return slope_.replicate(1, z.rows());
  }

 private:
  const Eigen::VectorXd slope_;
};

TEST(DerivativesTest, AMeanIsTakenOffThem) {
  Random random(9);
  const Data data = MixedData(30, random);
  Eigen::VectorXd slope = Eigen::VectorXd::Zero(data.x.cols());
  slope[0] = 2;
  Data without = data;
  without.y -= data.x * slope;
  without.derivatives.targets -= data.derivatives.directions * slope;
  const Eigen::MatrixXd z = Queries(data, 10, random);
  const Eigen::VectorXd expected = without.First(30).Mean(z) + z * slope;
  const auto mean = std::make_shared<Slanted>(slope);
  GaussianProcess before = data.First(30);
  before.SetMean(mean);
  EXPECT_LT(Difference(before.Mean(z), expected), 1e-10);
  GaussianProcess after(data.features, data.hyperparameters, data.x, data.y,
                        data.multipliers);
  after.SetMean(mean);
  after.SetDerivatives(data.derivatives);
  EXPECT_LT(Difference(after.Mean(z), expected), 1e-10);
}

TEST(DerivativesTest, OfTheFunctionItselfImproveThePrediction) {
  const Features features = Features::Continuous(4);
  Hyperparameters h = Hyperparameters::Default(features);
  h.noise_variance = 1e-4;
  Random random(10);
  const auto f = [](const Eigen::MatrixXd& x) -> Eigen::VectorXd {
    return (2 * x.rowwise().sum().array()).sin();
  };
  const Eigen::MatrixXd x = RandomMatrix(20, 4, random).array() - 0.5;
  const Eigen::MatrixXd z = RandomMatrix(200, 4, random).array() - 0.5;
  GaussianProcess process(features, h, x, f(x));
  const auto error = [&] { return (process.Mean(z) - f(z)).norm(); };
  const auto deviation = [&] { return process.Predict(z).variance.sum(); };
  const double error_before = error(), before = deviation();
  // df/dx is 2 cos(.) in each coordinate.
  Derivatives derivatives;
  for (int i = 0; i < 20; ++i) derivatives.rows.push_back(i);
  derivatives.directions = Eigen::MatrixXd::Constant(20, 4, 0.5);
  derivatives.targets = 4 * (2 * x.rowwise().sum().array()).cos();
  derivatives.variances = Eigen::VectorXd::Constant(20, 1e-4);
  process.SetDerivatives(derivatives);
  EXPECT_LT(error(), 0.5 * error_before);
  EXPECT_LT(deviation(), before);
}

TEST(DerivativesTest, TheModelHasTheSlopeThatWasObserved) {
  const Features features = Features::Continuous(2);
  Hyperparameters h = Hyperparameters::Default(features);
  h.noise_variance = 1e-6;
  const Eigen::MatrixXd x = Eigen::MatrixXd::Zero(1, 2);
  GaussianProcess process(features, h, x, Eigen::VectorXd::Zero(1));
  process.SetDerivatives({{0},
                          Eigen::RowVector2d(0.6, 0.8),
                          Eigen::VectorXd::Constant(1, 1.5),
                          Eigen::VectorXd::Constant(1, 1e-8)});
  EXPECT_NEAR(process.MeanGradients(x).col(0).dot(Eigen::Vector2d(0.6, 0.8)),
              1.5, 1e-4);
}

}  // namespace
}  // namespace assay
