#include "search/gp/map_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include <nlopt.h>

#include "search/gp/marginal_likelihood.h"

namespace assay {
namespace {

constexpr int kDimensionScaledAbove = 15;
constexpr int kRandomStartBelow = 30;
// Less than this in the log posterior, or in every log hyperparameter, is not
// worth another evaluation.
constexpr double kValueTolerance = 1e-3;
constexpr double kStepTolerance = 1e-3;
constexpr double kDerivativeNoise = 0.01;  // What a fit starts from.
constexpr double kLeastDerivativeNoise = 1e-4, kMostDerivativeNoise = 100;
constexpr double kLog2 = std::numbers::ln2;

Priors Resolve(Priors priors, const Features& features) {
  if (priors != Priors::kAuto) return priors;
  return features.parameters() > kDimensionScaledAbove
             ? Priors::kDimensionScaled
             : Priors::kGamma;
}

struct Term {
  double value = 0;
  double slope = 0;  // By the logarithm of the hyperparameter.
};

// -w log^2(x / center), given log x.
Term LogSquaredTerm(double log, double weight, double log_center) {
  const double z = log - log_center;
  return {-weight * z * z, -2 * weight * z};
}

// log N(log x; mean, variance), a density in x.
Term LogNormalTerm(double log, double mean, double variance) {
  const double z = log - mean;
  return {-z * z / (2 * variance) - log, -z / variance - 1};
}

// log Gamma(x; shape, rate), a density in x.
Term GammaTerm(double log, double shape, double rate) {
  const double x = std::exp(log);
  return {(shape - 1) * log - rate * x, (shape - 1) - rate * x};
}

double DimensionScaledMean(const Features& features) {
  return std::numbers::sqrt2 + 0.5 * std::log(features.parameters());
}

Term LengthscaleTerm(Priors priors, const Features& features, double log_il) {
  if (priors == Priors::kLogSquared) {
    return LogSquaredTerm(log_il, 0.01, kLog2);  // l^2 / 0.5 = 1 / (0.5 il).
  }
  if (priors == Priors::kDimensionScaled) {
    const Term l =
        LogNormalTerm(-0.5 * log_il, DimensionScaledMean(features), 3);
    return {l.value, -0.5 * l.slope};
  }
  const double il = std::exp(log_il);
  return {-0.1 / il - 0.1 * il, 0.1 / il - 0.1 * il};
}

Term GapTerm(double log) { return LogNormalTerm(log, std::log(0.25), 1); }

Term SignalTerm(Priors priors, double log) {
  if (priors != Priors::kLogSquared) return GammaTerm(log, 2, 1);
  return LogSquaredTerm(log, 0.01, std::log(0.039));
}

Term NoiseTerm(Priors priors, double log) {
  if (priors != Priors::kLogSquared) return GammaTerm(log, 1.1, 30);
  return LogSquaredTerm(log, 0.01, std::log(0.0039));
}

Term DerivativeNoiseTerm(double log) {
  return LogSquaredTerm(log, 1.0 / 18, std::log(kDerivativeNoise));
}

struct Box {
  Eigen::VectorXd lower, upper;  // Logarithms.
};

Box MakeBox(Priors priors, const Features& features) {
  const bool squared = priors == Priors::kLogSquared;
  const int parameters = features.parameters(), gaps = features.gaps();
  Box box;
  box.lower.resize(Hyperparameters::Size(features));
  box.upper.resize(Hyperparameters::Size(features));
  box.lower << Eigen::VectorXd::Constant(parameters, squared ? 1e-2 : 1e-4),
      Eigen::VectorXd::Constant(gaps, 0.01), 1e-3, 1e-6;
  box.upper << Eigen::VectorXd::Constant(parameters, squared ? 1e2 : 1e3),
      Eigen::VectorXd::Constant(gaps, 4), squared ? 10 : 50, squared ? 1 : 2;
  box.lower = box.lower.array().log();
  box.upper = box.upper.array().log();
  return box;
}

// With one number more.
Eigen::VectorXd With(const Eigen::VectorXd& numbers, double more) {
  Eigen::VectorXd all(numbers.size() + 1);
  all << numbers, more;
  return all;
}

void AddDerivativeNoise(Box& box) {
  box.lower = With(box.lower, std::log(kLeastDerivativeNoise));
  box.upper = With(box.upper, std::log(kMostDerivativeNoise));
}

Eigen::VectorXd Clamp(const Eigen::VectorXd& log, const Box& box) {
  return log.cwiseMax(box.lower).cwiseMin(box.upper);
}

Eigen::VectorXd DefaultStart(Priors priors, const Features& features) {
  Hyperparameters start = Hyperparameters::Default(features);
  if (priors == Priors::kDimensionScaled) {  // The mode of the prior.
    start.inverse_squared_lengthscales.setConstant(
        std::exp(-2 * (DimensionScaledMean(features) - 3)));
  }
  if (priors == Priors::kLogSquared) {
    start.signal_variance = 0.039;
    start.noise_variance = 0.0039;
  }
  return start.ToLog();
}

// Around the default: a factor e^2 in 1 / l^2, e in the others, either way.
Eigen::VectorXd RandomStart(Priors priors, const Features& features,
                            Random& random) {
  Eigen::VectorXd start = DefaultStart(priors, features);
  for (int i = 0; i < start.size(); ++i) {
    const double reach = i < features.parameters() ? 2 : 1;
    start[i] += reach * (2 * random.Uniform() - 1);
  }
  return start;
}

// The log posterior as NLopt sees it; remembers the best it was asked for, as
// L-BFGS may end elsewhere when a line search fails.
struct Objective {
  MarginalLikelihood& likelihood;
  const Features& features;
  Priors priors;
  int evaluations = 0;
  double best_value = -std::numeric_limits<double>::infinity();
  Eigen::VectorXd best_log = {};

  double Evaluate(const Eigen::VectorXd& log, double* gradient) {
    ++evaluations;
    const auto hyperparameters = Hyperparameters::FromLog(features, log);
    const auto data = likelihood.Evaluate(hyperparameters);
    const LogPrior prior = EvaluatePrior(priors, features, hyperparameters);
    const double value = data.value + prior.value;
    if (value > best_value) {
      best_value = value;
      best_log = log;
    }
    if (gradient != nullptr) {
      Eigen::Map<Eigen::VectorXd>(gradient, log.size()) =
          data.gradient + prior.gradient;
    }
    // NLopt's line search wants a number.
    return std::isfinite(value) ? value : -1e100;
  }
};

double Call(unsigned n, const double* x, double* gradient, void* objective) {
  return static_cast<Objective*>(objective)->Evaluate(
      Eigen::Map<const Eigen::VectorXd>(x, n), gradient);
}

void Climb(Objective& objective, const Box& box, Eigen::VectorXd start,
           int max_evaluations) {
  const nlopt_opt climber =
      nlopt_create(NLOPT_LD_LBFGS, static_cast<unsigned>(start.size()));
  nlopt_set_max_objective(climber, Call, &objective);
  nlopt_set_lower_bounds(climber, box.lower.data());
  nlopt_set_upper_bounds(climber, box.upper.data());
  nlopt_set_maxeval(climber, max_evaluations);
  nlopt_set_ftol_abs(climber, kValueTolerance);
  nlopt_set_xtol_abs1(climber, kStepTolerance);
  double value = 0;
  nlopt_optimize(climber, start.data(), &value);  // `objective` has the best.
  nlopt_destroy(climber);
}

}  // namespace

LogPrior EvaluatePrior(Priors priors, const Features& features,
                       const Hyperparameters& hyperparameters) {
  priors = Resolve(priors, features);
  const Eigen::VectorXd log = hyperparameters.ToLog();
  const Eigen::Index noise = Hyperparameters::Size(features) - 1;
  const Eigen::Index signal = noise - 1;
  LogPrior prior{.gradient = Eigen::VectorXd(log.size())};
  const auto add = [&](Eigen::Index i, const Term& term) {
    prior.value += term.value;
    prior.gradient[i] = term.slope;
  };
  for (Eigen::Index i = 0; i < signal; ++i) {
    add(i, i < features.parameters() ? LengthscaleTerm(priors, features, log[i])
                                     : GapTerm(log[i]));
  }
  add(signal, SignalTerm(priors, log[signal]));
  add(noise, NoiseTerm(priors, log[noise]));
  if (hyperparameters.derivative_noise) {
    add(noise + 1, DerivativeNoiseTerm(log[noise + 1]));
  }
  return prior;
}

MapFit FitMap(const Features& features, const Eigen::MatrixXd& x,
              const Eigen::VectorXd& y,
              const Eigen::VectorXd& noise_multipliers,
              const MapFitOptions& options, Random& random) {
  const Priors priors = Resolve(options.priors, features);
  Box box = MakeBox(priors, features);
  MarginalLikelihood likelihood(features, x, y, noise_multipliers);
  if (options.covariance.size() > 0) {
    likelihood.AddCovariance(options.covariance);
  }
  if (options.derivatives != nullptr) {
    likelihood.AddDerivatives(*options.derivatives);
    AddDerivativeNoise(box);
  }
  Objective objective{likelihood, features, priors};
  // From what the box has room for, and the default of what is missing.
  const auto climb = [&](Eigen::VectorXd start, int max_evaluations) {
    if (start.size() < box.lower.size()) {
      start = With(start, std::log(kDerivativeNoise));
    }
    Climb(objective, box, Clamp(start.head(box.lower.size()), box),
          max_evaluations);
  };
  const bool warm = options.warm && options.previous;
  if (options.previous) {
    climb(options.previous->ToLog(),
          warm ? options.max_warm_evaluations : options.max_evaluations);
  }
  if (!warm) climb(DefaultStart(priors, features), options.max_evaluations);
  if (!warm && x.rows() < kRandomStartBelow) {
    climb(RandomStart(priors, features, random), options.max_evaluations);
  }
  return {
      .hyperparameters = Hyperparameters::FromLog(features, objective.best_log),
      .log_posterior = objective.best_value,
      .evaluations = objective.evaluations};
}

}  // namespace assay
