#include "search/gp/hyperparameters.h"

namespace assay {

Hyperparameters Hyperparameters::Default(const Features& features) {
  return {.inverse_squared_lengthscales =
              Eigen::VectorXd::Ones(features.parameters()),
          .gaps = Eigen::VectorXd::Constant(features.gaps(), 0.25)};
}

int Hyperparameters::Size(const Features& features) {
  return features.parameters() + features.gaps() + 2;
}

Eigen::VectorXd Hyperparameters::ToLog() const {
  const Eigen::Index lengthscales = inverse_squared_lengthscales.size();
  Eigen::VectorXd log(lengthscales + gaps.size() + 2);
  log << inverse_squared_lengthscales, gaps, signal_variance, noise_variance;
  if (derivative_noise) {
    log.conservativeResize(log.size() + 1);
    log.tail<1>()[0] = *derivative_noise;
  }
  return log.array().log();
}

Hyperparameters Hyperparameters::FromLog(const Features& features,
                                         const Eigen::VectorXd& log) {
  const Eigen::VectorXd all = log.array().exp();
  const int lengthscales = features.parameters();
  const int size = Size(features);
  Hyperparameters hyperparameters = {
      .inverse_squared_lengthscales = all.head(lengthscales),
      .gaps = all.segment(lengthscales, features.gaps()),
      .signal_variance = all[size - 2],
      .noise_variance = all[size - 1]};
  if (all.size() > size) hyperparameters.derivative_noise = all[size];
  return hyperparameters;
}

}  // namespace assay
