#pragma once

#include <optional>

#include <Eigen/Core>

#include "search/gp/features.h"

namespace assay {

// What the kernel is made of; see search/gp/kernel.h. All positive.
struct Hyperparameters {
  // [features.parameters()], 1 / l_j^2. One for each parameter, in declared
  // order, categorical ones too.
  Eigen::VectorXd inverse_squared_lengthscales;
  // [features.gaps()], h^2: how far "inactive" is from "active", for each
  // conditional parameter that is not categorical.
  Eigen::VectorXd gaps;
  double signal_variance = 1;
  double noise_variance = 0.1;
  // Of a model with directional derivatives (search/gp/derivative_kernel.h): by
  // how much they miss beyond what was reported, as a multiple of the variance
  // that the kernel expects of each.
  std::optional<double> derivative_noise = {};

  // What a fit starts from: 1, 1/4, 1 and 0.1; no derivatives.
  static Hyperparameters Default(const Features& features);

  // The logarithms, in the order of the fields. [Size(features)], one more with
  // a derivative noise.
  Eigen::VectorXd ToLog() const;
  static Hyperparameters FromLog(const Features& features,
                                 const Eigen::VectorXd& log);
  static int Size(const Features& features);
};

}  // namespace assay
