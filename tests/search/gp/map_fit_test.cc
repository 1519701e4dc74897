#include "search/gp/map_fit.h"

#include <cmath>

#include "gtest/gtest.h"
#include "search/gp/marginal_likelihood.h"
#include "tests/search/gp/random_derivatives.h"

namespace assay {
namespace {

constexpr Priors kAllPriors[] = {Priors::kGamma, Priors::kDimensionScaled,
                                 Priors::kLogSquared};

struct Data {
  Features features;
  Eigen::MatrixXd x;
  Eigen::VectorXd y;
};

Data MixedData(int n) {
  Random random(1);
  const SearchSpace space = MixedSpace();
  Data data{.features = Features(space)};
  data.x = data.features.EmbedRows(RandomPoints(space, n, random));
  data.y = SmoothTargets(data.x);
  data.y.array() -= data.y.mean();
  return data;
}

MapFit Fit(const Data& data, const MapFitOptions& options, uint64_t seed = 1) {
  Random random(seed);
  return FitMap(data.features, data.x, data.y, {}, options, random);
}

double LogPosterior(const Data& data, Priors priors,
                    const Hyperparameters& hyperparameters) {
  MarginalLikelihood likelihood(data.features, data.x, data.y, {});
  return likelihood.Evaluate(hyperparameters).value +
         EvaluatePrior(priors, data.features, hyperparameters).value;
}

TEST(MapFitTest, PriorGradientIsThatOfFiniteDifferences) {
  Random random(2);
  const Features features(MixedSpace());
  for (const Priors priors : kAllPriors) {
    // The last is of the noise of derivatives.
    const int size = Hyperparameters::Size(features) + 1;
    const Eigen::VectorXd log = 4 * RandomMatrix(size, 1, random).array() - 2;
    const auto value = [&](const Eigen::VectorXd& at) {
      return EvaluatePrior(priors, features,
                           Hyperparameters::FromLog(features, at))
          .value;
    };
    const LogPrior prior = EvaluatePrior(
        priors, features, Hyperparameters::FromLog(features, log));
    for (int i = 0; i < log.size(); ++i) {
      Eigen::VectorXd up = log, down = log;
      up[i] += 1e-5;
      down[i] -= 1e-5;
      EXPECT_NEAR(prior.gradient[i], (value(up) - value(down)) / 2e-5, 1e-6);
    }
  }
}

TEST(MapFitTest, GammaPriorByHand) {
  const Features features = Features::Continuous(1);
  const Hyperparameters h = {
      .inverse_squared_lengthscales = Eigen::VectorXd::Constant(1, 2),
      .signal_variance = 3,
      .noise_variance = 0.5};
  EXPECT_NEAR(
      EvaluatePrior(Priors::kGamma, features, h).value,
      -(0.1 / 2 + 0.2) + (std::log(3) - 3) + (0.1 * std::log(0.5) - 30 * 0.5),
      1e-13);
}

// Its mode in l is exp(mean - variance), where the derivative is 0.
TEST(MapFitTest, DimensionScaledPriorHasItsModeWhereItShould) {
  const Features features = Features::Continuous(20);
  Hyperparameters h = Hyperparameters::Default(features);
  const double length = std::exp(std::sqrt(2) + 0.5 * std::log(20) - 3);
  h.inverse_squared_lengthscales.setConstant(1 / (length * length));
  EXPECT_NEAR(EvaluatePrior(Priors::kDimensionScaled, features, h).gradient[0],
              0, 1e-13);
}

TEST(MapFitTest, AutoIsDimensionScaledAboveFifteenParameters) {
  const auto same = [](int parameters, Priors priors) {
    const Features features = Features::Continuous(parameters);
    const Hyperparameters h = Hyperparameters::Default(features);
    return EvaluatePrior(Priors::kAuto, features, h).value ==
           EvaluatePrior(priors, features, h).value;
  };
  EXPECT_TRUE(same(15, Priors::kGamma));
  EXPECT_TRUE(same(16, Priors::kDimensionScaled));
}

TEST(MapFitTest, NothingNearbyIsBetter) {
  const Data data = MixedData(40);
  for (const Priors priors : kAllPriors) {
    const MapFit fit = Fit(data, {.priors = priors});
    EXPECT_NEAR(LogPosterior(data, priors, fit.hyperparameters),
                fit.log_posterior, 1e-9);
    const Eigen::VectorXd log = fit.hyperparameters.ToLog();
    for (int i = 0; i < log.size(); ++i) {
      for (const double step : {-0.2, 0.2}) {
        Eigen::VectorXd other = log;
        other[i] += step;
        // Out of the box does not count.
        if (other[i] < std::log(1e-6) || std::exp(other[i]) > 1e2) continue;
        EXPECT_LT(LogPosterior(data, priors,
                               Hyperparameters::FromLog(data.features, other)),
                  fit.log_posterior + 0.02)
            << i << " " << step;
      }
    }
  }
}

TEST(MapFitTest, StaysInTheBox) {
  Data data = MixedData(20);
  for (const double scale : {0.0, 1e-3, 1e3}) {
    data.y *= scale;
    const Hyperparameters h = Fit(data, {}).hyperparameters;
    EXPECT_GE(h.inverse_squared_lengthscales.minCoeff(), 0.999999e-4);
    EXPECT_LE(h.inverse_squared_lengthscales.maxCoeff(), 1.000001e3);
    EXPECT_GE(h.gaps.minCoeff(), 0.999999e-2);
    EXPECT_LE(h.gaps.maxCoeff(), 4.000001);
    EXPECT_GE(h.signal_variance, 0.999999e-3);
    EXPECT_LE(h.signal_variance, 50.00001);
    EXPECT_GE(h.noise_variance, 0.999999e-6);
    EXPECT_LE(h.noise_variance, 2.000001);
  }
}

TEST(MapFitTest, FindsWhichParameterMatters) {
  Random random(3);
  Data data{.features = Features::Continuous(4)};
  data.x = RandomMatrix(60, 4, random).array() - 0.5;
  data.y = (6 * data.x.col(2).array()).sin();
  const Eigen::VectorXd il =
      Fit(data, {}).hyperparameters.inverse_squared_lengthscales;
  for (const int j : {0, 1, 3}) EXPECT_GT(il[2], 20 * il[j]);
}

TEST(MapFitTest, FindsTheNoise) {
  Random random(4);
  Data data{.features = Features::Continuous(1)};
  data.x = RandomMatrix(300, 1, random).array() - 0.5;
  data.y = (6 * data.x.col(0).array()).sin();
  for (double& value : data.y) {  // Uniform, of variance 0.04.
    value += std::sqrt(0.48) * (random.Uniform() - 0.5);
  }
  EXPECT_NEAR(Fit(data, {}).hyperparameters.noise_variance, 0.04, 0.01);
}

// Of x_0 + sin(3 x_1), in random directions, `wrong` times a random number off.
Derivatives Slopes(const Eigen::MatrixXd& x, double wrong, Random& random) {
  const auto n = static_cast<int>(x.rows());
  Derivatives slopes;
  for (int i = 0; i < n; ++i) slopes.rows.push_back(i);
  slopes.directions = RandomMatrix(n, 2, random).array() - 0.5;
  slopes.directions.rowwise().normalize();
  slopes.targets =
      slopes.directions.col(0).array() +
      3 * (3 * x.col(1).array()).cos() * slopes.directions.col(1).array() +
      wrong * (2 * RandomMatrix(n, 1, random).array() - 1);
  slopes.variances = Eigen::VectorXd::Zero(n);
  return slopes;
}

TEST(MapFitTest, FindsByHowMuchDerivativesMiss) {
  Random random(5);
  const Features features = Features::Continuous(2);
  const Eigen::MatrixXd x = RandomMatrix(40, 2, random).array() - 0.5;
  const Eigen::VectorXd y = x.col(0).array() + (3 * x.col(1).array()).sin();
  const auto noise = [&](double wrong) {
    const Derivatives slopes = Slopes(x, wrong, random);
    const MapFitOptions options{.derivatives = &slopes};
    return *FitMap(features, x, y, {}, options, random)
                .hyperparameters.derivative_noise;
  };
  const double right = noise(0), off = noise(4), nonsense = noise(60);
  EXPECT_LT(right, 0.01);
  EXPECT_GT(off, 10 * right);
  EXPECT_GT(nonsense, 3 * off);
}

TEST(MapFitTest, WithDerivativesAPreviousOptimumMayBeOneWithout) {
  Random random(6);
  const Features features = Features::Continuous(2);
  const Eigen::MatrixXd x = RandomMatrix(40, 2, random).array() - 0.5;
  const Eigen::VectorXd y = x.col(0).array() + (3 * x.col(1).array()).sin();
  const Derivatives slopes = Slopes(x, 0, random);
  MapFitOptions options;
  options.previous =
      FitMap(features, x, y, {}, options, random).hyperparameters;
  options.warm = true;
  options.derivatives = &slopes;
  const MapFit fit = FitMap(features, x, y, {}, options, random);
  EXPECT_LE(fit.evaluations, options.max_warm_evaluations);
  EXPECT_TRUE(fit.hyperparameters.derivative_noise);
}

TEST(MapFitTest, IsNoWorseThanThePreviousOptimum) {
  const Data data = MixedData(40);
  const MapFit first = Fit(data, {});
  const MapFit second = Fit(data, {.previous = first.hyperparameters});
  EXPECT_GE(second.log_posterior, first.log_posterior - 1e-9);
}

TEST(MapFitTest, WarmFitsAreCheap) {
  const Data data = MixedData(40);
  MapFitOptions options;
  options.previous = Fit(data, {}).hyperparameters;
  options.previous->signal_variance *= 3;
  options.warm = true;
  EXPECT_LE(Fit(data, options).evaluations, 15);
}

TEST(MapFitTest, ColdFitsKeepToTheirEvaluations) {
  const Data data = MixedData(29);
  EXPECT_LE(Fit(data, {.max_evaluations = 10}).evaluations, 20);
  const Data more = MixedData(30);  // No random start.
  EXPECT_LE(Fit(more, {.max_evaluations = 10}).evaluations, 10);
}

TEST(MapFitTest, APreviousOptimumOutsideTheBoxIsNoTrouble) {
  const Data data = MixedData(30);
  MapFitOptions options;
  options.previous = Hyperparameters::Default(data.features);
  options.previous->noise_variance = 1e-12;
  options.previous->signal_variance = 1e9;
  EXPECT_TRUE(std::isfinite(Fit(data, options).log_posterior));
}

TEST(MapFitTest, EqualRowsAreNoTrouble) {
  Data data = MixedData(20);
  data.x.rowwise() = Eigen::RowVectorXd(data.x.row(0));
  EXPECT_TRUE(std::isfinite(Fit(data, {}).log_posterior));
}

TEST(MapFitTest, TheSameSeedGivesTheSameBits) {
  const Data data = MixedData(25);
  const MapFit a = Fit(data, {}, 5), b = Fit(data, {}, 5);
  EXPECT_EQ(a.hyperparameters.ToLog(), b.hyperparameters.ToLog());
  EXPECT_EQ(a.evaluations, b.evaluations);
}

}  // namespace
}  // namespace assay
