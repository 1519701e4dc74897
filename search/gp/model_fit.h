#pragma once

#include <Eigen/Core>

#include "search/gp/features.h"
#include "search/gp/gaussian_process.h"
#include "search/gp/map_fit.h"
#include "search/gp/output_transform.h"
#include "search/math/random.h"

namespace assay {

// A fitted model of one metric.
struct ModelFit {
  OutputTransform transform;
  GaussianProcess process;  // On transform.targets().
  MapFit map;
  // Mean over what did not fail of log p(y_i | all others), a density in the
  // metric's own unit: comparable between transforms. O(n^3).
  double LeaveOneOutScore() const;
};

// Transforms with `kind`, fits the hyperparameters, factorizes. `values` is
// [n], to be maximised, not finite where failed; n > 0.
ModelFit FitModel(OutputTransform::Kind kind, const Features& features,
                  const Eigen::MatrixXd& x, const Eigen::VectorXd& values,
                  const Eigen::VectorXd& noise_multipliers,
                  const MapFitOptions& options, Random& random);

// Both kinds; the one of the better leave-one-out score, kHalfRankLog on ties.
// Twice the work: call it now and then (as n grows by a quarter), and
// FitModel() with the kind it chose in between.
ModelFit FitBestModel(const Features& features, const Eigen::MatrixXd& x,
                      const Eigen::VectorXd& values,
                      const Eigen::VectorXd& noise_multipliers,
                      const MapFitOptions& options, Random& random);

}  // namespace assay
