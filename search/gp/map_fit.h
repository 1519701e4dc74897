#pragma once

#include <optional>

#include <Eigen/Core>

#include "search/gp/derivatives.h"
#include "search/gp/features.h"
#include "search/gp/hyperparameters.h"
#include "search/math/random.h"

namespace assay {

// The priors and boxes of a fit. il = 1 / l^2; boxes are closed.
//   kGamma:      -0.1 / il - 0.1 il,  il in [1e-4, 1e3];
//                s^2 ~ Gamma(2, rate 1) in [1e-3, 50];
//                s_n^2 ~ Gamma(1.1, rate 30) in [1e-6, 2]    (as Optuna's)
//   kDimensionScaled: as kGamma, but l ~ LogNormal(sqrt(2) + log(d) / 2,
//                sqrt(3)), a density in l    (Hvarfner et al. 2024)
//   kLogSquared: -0.01 log^2(2 l^2), l^2 in [1e-2, 1e2]; -0.01 log^2(s^2 /
//                0.039) in [1e-3, 10]; -0.01 log^2(s_n^2 / 0.0039) in [1e-6, 1]
//                (as Vizier's, whose noise goes down to 1e-10)
//   kAuto:       kGamma up to 15 parameters, kDimensionScaled above.
// All: h^2 ~ LogNormal(log 1/4, 1), a density in h^2, in [0.01, 4]; with
// derivatives log of their noise ~ N(log 0.01, 3^2), the noise in [1e-4, 100].
enum class Priors { kAuto, kGamma, kDimensionScaled, kLogSquared };

struct MapFitOptions {
  Priors priors = Priors::kAuto;
  // Where the last fit of this study ended.
  std::optional<Hyperparameters> previous = {};
  // From `previous` alone, with at most `max_warm_evaluations`, if it is given.
  bool warm = false;
  int max_evaluations = 60;  // Of each start.
  int max_warm_evaluations = 15;
  // Observations beside the values; must outlive the fit. Its result has a
  // derivative_noise; `previous` may have none.
  const Derivatives* derivatives = nullptr;
  // If not empty, [n, n]: added to the covariance of the targets.
  // Not together with derivatives.
  Eigen::MatrixXd covariance = {};
};

struct MapFit {
  Hyperparameters hyperparameters;
  double log_posterior = 0;  // Log likelihood plus log prior (no constants).
  int evaluations = 0;       // Of all starts.
};

// The hyperparameters of the greatest posterior density that L-BFGS finds in
// the box, from each of: `previous`, the default, and, if n < 30, one random
// start. No better start exists than the one returned: ties go to the earlier.
// Uses `random` for the random start alone; never looks at a clock. `x` is [n,
// features.size()], `y` is [n], `noise_multipliers` is [n] or empty (all 1).
MapFit FitMap(const Features& features, const Eigen::MatrixXd& x,
              const Eigen::VectorXd& y,
              const Eigen::VectorXd& noise_multipliers,
              const MapFitOptions& options, Random& random);

// The log prior, up to a constant, and its gradient by
// Hyperparameters::ToLog().
struct LogPrior {
  double value = 0;
  Eigen::VectorXd gradient;
};
LogPrior EvaluatePrior(Priors priors, const Features& features,
                       const Hyperparameters& hyperparameters);

}  // namespace assay
