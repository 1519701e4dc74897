#include "search/gp/gaussian_process.h"

#include <cmath>
#include <functional>

#include "gtest/gtest.h"
#include "tests/search/gp/mixed_space.h"
#include "tests/search/gp/posterior_checks.h"

namespace assay {
namespace {

struct Data {
  Features features;
  Hyperparameters hyperparameters;
  Eigen::MatrixXd x;
  Eigen::VectorXd y, multipliers;

  GaussianProcess First(int n) const {
    return GaussianProcess(features, hyperparameters, x.topRows(n), y.head(n),
                           multipliers.head(n));
  }
  GaussianProcess All() const { return First(static_cast<int>(x.rows())); }
};

Data MixedData(int n, Random& random) {
  const SearchSpace space = MixedSpace();
  Data data{.features = Features(space)};
  data.hyperparameters = Hyperparameters::Default(data.features);
  data.hyperparameters.inverse_squared_lengthscales.setLinSpaced(0.5, 3);
  data.hyperparameters.noise_variance = 0.01;
  data.x = data.features.EmbedRows(RandomPoints(space, n, random));
  data.y = SmoothTargets(data.x);
  data.multipliers = 0.25 + 4 * RandomMatrix(n, 1, random).array();
  return data;
}

Eigen::MatrixXd Queries(const Data& data, int m, Random& random) {
  return data.features.EmbedRows(RandomPoints(MixedSpace(), m, random));
}

TEST(GaussianProcessTest, WithoutObservationsItIsThePrior) {
  Random random(1);
  const Data data = MixedData(0, random);
  const Posterior prior = data.All().Predict(Queries(data, 3, random));
  EXPECT_EQ(prior.mean, Eigen::VectorXd::Zero(3));
  EXPECT_EQ(prior.variance, Eigen::VectorXd::Ones(3));
  EXPECT_EQ(prior.variance_all, Eigen::VectorXd::Ones(3));
}

TEST(GaussianProcessTest, AppendIsRefactorization) {
  Random random(2);
  const Data data = MixedData(60, random);
  GaussianProcess grown = data.First(20);
  for (int i = 20; i < 60; ++i) {
    grown.Append(data.x.row(i), data.multipliers[i]);
  }
  grown.SetTargets(data.y);
  const Eigen::MatrixXd z = Queries(data, 30, random);
  ExpectSame(grown.Predict(z), data.All().Predict(z), 1e-9);
  EXPECT_NEAR(grown.LogMarginalLikelihood(), data.All().LogMarginalLikelihood(),
              1e-9);
}

TEST(GaussianProcessTest, GrowsFromNothing) {
  Random random(3);
  const Data data = MixedData(25, random);
  GaussianProcess grown = data.First(0);
  for (int i = 0; i < 25; ++i) {
    grown.Append(data.x.row(i), data.multipliers[i]);
  }
  grown.SetTargets(data.y);
  const Eigen::MatrixXd z = Queries(data, 10, random);
  ExpectSame(grown.Predict(z), data.All().Predict(z), 1e-9);
}

TEST(GaussianProcessTest, PendingRowsReduceTheVarianceAsAnyLabelWould) {
  Random random(4);
  const Data data = MixedData(40, random);
  GaussianProcess pending = data.First(30);
  for (int i = 30; i < 40; ++i) pending.AppendPending(data.x.row(i));
  const Eigen::MatrixXd z = Queries(data, 20, random);
  const Posterior posterior = pending.Predict(z);
  for (const double label : {-100.0, 0.0, 7.0}) {
    GaussianProcess observed = data.First(30);
    for (int i = 30; i < 40; ++i) observed.Append(data.x.row(i));
    Eigen::VectorXd y = data.y;
    y.tail(10).setConstant(label);
    observed.SetTargets(y);
    EXPECT_LT(Difference(posterior.variance_all, observed.Predict(z).variance),
              1e-12);
  }
}

TEST(GaussianProcessTest, PendingRowsChangeNeitherMeanNorObservedVariance) {
  Random random(5);
  const Data data = MixedData(40, random);
  const Eigen::MatrixXd z = Queries(data, 20, random);
  GaussianProcess pending = data.First(30);
  const Posterior before = pending.Predict(z);
  for (int i = 30; i < 40; ++i) pending.AppendPending(data.x.row(i));
  const Posterior after = pending.Predict(z);
  EXPECT_LT(Difference(after.mean, before.mean), 1e-12);
  EXPECT_LT(Difference(after.variance, before.variance), 1e-12);
  EXPECT_LT((after.variance_all - before.variance).maxCoeff(), 1e-12);
}

TEST(GaussianProcessTest, PendingRowsMayComeTogether) {
  Random random(6);
  const Data data = MixedData(40, random);
  const Eigen::MatrixXd z = Queries(data, 20, random);
  GaussianProcess single = data.First(20), together = data.First(20);
  for (int i = 20; i < 40; ++i) single.AppendPending(data.x.row(i));
  together.AppendPending(data.x.middleRows(20, 5));
  together.AppendPending(data.x.middleRows(25, 15));
  EXPECT_EQ(together.pending(), 20);
  ExpectSame(together.PredictWithGradients(z), single.PredictWithGradients(z),
             1e-9);
}

TEST(GaussianProcessTest, TruncatedPendingRowsAreForgotten) {
  Random random(6);
  const Data data = MixedData(40, random);
  const Eigen::MatrixXd z = Queries(data, 20, random);
  GaussianProcess two = data.First(30);
  two.AppendPending(data.x.row(30));
  two.AppendPending(data.x.row(31));
  GaussianProcess many = two;
  for (int i = 32; i < 40; ++i) many.AppendPending(data.x.row(i));
  many.TruncatePending(2);
  EXPECT_EQ(many.pending(), 2);
  ExpectSame(many.PredictWithGradients(z), two.PredictWithGradients(z), 1e-14);
  many.TruncatePending();
  ExpectSame(many.Predict(z), data.First(30).Predict(z), 1e-14);
}

TEST(GaussianProcessTest, AppendForgetsPendingRows) {
  Random random(7);
  const Data data = MixedData(31, random);
  GaussianProcess process = data.First(30);
  process.AppendPending(Queries(data, 1, random).row(0));
  process.Append(data.x.row(30), data.multipliers[30]);
  process.SetTargets(data.y);
  EXPECT_EQ(process.pending(), 0);
  EXPECT_EQ(process.size(), 31);
  const Eigen::MatrixXd z = Queries(data, 5, random);
  ExpectSame(process.Predict(z), data.All().Predict(z), 1e-9);
}

TEST(GaussianProcessTest, MeanAndPredictionsAgree) {
  Random random(8);
  const Data data = MixedData(40, random);
  GaussianProcess process = data.First(30);
  process.AppendPending(data.x.row(31));
  const Eigen::MatrixXd z = Queries(data, 9, random);
  const Posterior posterior = process.Predict(z);
  EXPECT_LT(Difference(posterior.mean, process.Mean(z)), 1e-13);
  ExpectSame(posterior, process.PredictWithGradients(z), 1e-13);
  for (int j = 0; j < z.rows(); ++j) {
    const Posterior one = process.Predict(z.row(j));
    EXPECT_NEAR(one.mean[0], posterior.mean[j], 1e-13);
    EXPECT_NEAR(one.variance_all[0], posterior.variance_all[j], 1e-13);
  }
}

TEST(GaussianProcessTest, GradientsAreThoseOfFiniteDifferences) {
  Random random(9);
  const Data data = MixedData(40, random);
  GaussianProcess process = data.First(30);
  for (int i = 30; i < 35; ++i) process.AppendPending(data.x.row(i));
  for (int repeat = 0; repeat < 8; ++repeat) {
    const Eigen::MatrixXd z = Queries(data, 1, random);
    const PosteriorWithGradients all = process.PredictWithGradients(z);
    ExpectGradients(
        process, z, [](const auto& p) { return p.mean[0]; },
        all.mean_gradient.col(0));
    ExpectGradients(
        process, z, [](const auto& p) { return p.variance[0]; },
        all.variance_gradient.col(0));
    ExpectGradients(
        process, z, [](const auto& p) { return p.variance_all[0]; },
        all.variance_all_gradient.col(0));
  }
}

TEST(GaussianProcessTest, GradientsOfManyRowsAreThoseOfEach) {
  Random random(10);
  const Data data = MixedData(40, random);
  GaussianProcess process = data.First(30);
  process.AppendPending(data.x.row(30));
  process.AppendPending(data.x.row(31));
  const Eigen::MatrixXd z = Queries(data, 8, random);
  const PosteriorWithGradients all = process.PredictWithGradients(z);
  for (int j = 0; j < 8; ++j) {
    const PosteriorWithGradients one = process.PredictWithGradients(z.row(j));
    EXPECT_LT(Difference(all.mean_gradient.col(j), one.mean_gradient), 1e-12);
    EXPECT_LT(Difference(all.variance_gradient.col(j), one.variance_gradient),
              1e-12);
    EXPECT_LT(
        Difference(all.variance_all_gradient.col(j), one.variance_all_gradient),
        1e-12);
  }
}

TEST(GaussianProcessTest, VarianceBoundIsABound) {
  Random random(11);
  const Data data = MixedData(40, random);
  GaussianProcess process = data.First(30);
  for (int i = 30; i < 35; ++i) process.AppendPending(data.x.row(i));
  const Eigen::MatrixXd z = Queries(data, 200, random);
  const Eigen::VectorXd gap =
      process.VarianceBound(z) - process.Predict(z).variance_all;
  EXPECT_GE(gap.minCoeff(), -1e-12);
}

TEST(GaussianProcessTest, VarianceBoundIsExactForOneObservation) {
  Random random(12);
  const Data data = MixedData(1, random);
  const Eigen::MatrixXd z = Queries(data, 20, random);
  EXPECT_LT(
      Difference(data.All().VarianceBound(z), data.All().Predict(z).variance),
      1e-14);
}

TEST(GaussianProcessTest, LeaveOneOutIsThatOfFittingWithoutIt) {
  Random random(13);
  const Data data = MixedData(25, random);
  const LeaveOneOut closed = data.All().LeaveOneOutPosterior();
  for (int i = 0; i < 25; ++i) {
    Data others = data;
    const auto drop = [&](auto& rows) {
      rows.row(i) = Eigen::MatrixXd(rows.row(24));
      rows.conservativeResize(24, rows.cols());
    };
    drop(others.x), drop(others.y), drop(others.multipliers);
    const Posterior brute = others.All().Predict(data.x.row(i));
    EXPECT_NEAR(closed.mean[i], brute.mean[0], 1e-9);
    EXPECT_NEAR(closed.variance[i],
                brute.variance[0] +
                    data.hyperparameters.noise_variance * data.multipliers[i],
                1e-9);
  }
}

TEST(GaussianProcessTest, LeaveOneOutScoreIsALogDensity) {
  const LeaveOneOut one = {Eigen::VectorXd::Constant(1, 1),
                           Eigen::VectorXd::Constant(1, 4)};
  EXPECT_NEAR(one.LogScores(Eigen::VectorXd::Constant(1, 5))[0],
              -2 - 0.5 * std::log(2 * M_PI * 4), 1e-14);
}

TEST(GaussianProcessTest, NoisierObservationsCountLess) {
  const Features features = Features::Continuous(1);
  const Hyperparameters h = Hyperparameters::Default(features);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Zero(1, 1);
  const Eigen::VectorXd y = Eigen::VectorXd::Ones(1);
  const auto mean = [&](double multiplier) {
    return GaussianProcess(features, h, x, y,
                           Eigen::VectorXd::Constant(1, multiplier))
        .Mean(x)[0];
  };
  EXPECT_DOUBLE_EQ(mean(1), 1 / 1.1);
  EXPECT_DOUBLE_EQ(mean(4), 1 / 1.4);
}

TEST(GaussianProcessTest, EqualRowsAreNoTrouble) {
  const Features features = Features::Continuous(2);
  Hyperparameters h = Hyperparameters::Default(features);
  h.signal_variance = 50;
  h.noise_variance = 1e-6;
  const Eigen::MatrixXd x = Eigen::MatrixXd::Zero(50, 2);
  GaussianProcess process(features, h, x, Eigen::VectorXd::Ones(50));
  for (int i = 0; i < 50; ++i) process.Append(x.row(0));
  process.SetTargets(Eigen::VectorXd::Ones(100));
  const Posterior posterior = process.Predict(x.topRows(1));
  EXPECT_NEAR(posterior.mean[0], 1, 1e-4);
  EXPECT_GT(posterior.variance[0], 0);
}

TEST(GaussianProcessTest, TheSameCallsGiveTheSameBits) {
  const auto answer = [] {
    Random random(14);
    const Data data = MixedData(90, random);
    GaussianProcess process = data.First(80);
    for (int i = 80; i < 90; ++i) process.AppendPending(data.x.row(i));
    return process.PredictWithGradients(Queries(data, 7, random))
        .variance_all_gradient;
  };
  EXPECT_EQ(answer(), answer());
}

}  // namespace
}  // namespace assay
