#pragma once

#include <optional>
#include <vector>

#include <Eigen/Core>

#include "search/gp/acquisition.h"
#include "search/gp/gaussian_process.h"
#include "search/gp/prior_pull.h"

namespace assay {

// An acquisition function over the unit cube: points, through the models, to
// scores and their gradients. Points are rows, as SearchSpace::Encode() gives
// them: [m, parameters], NaN where a parameter is inactive.
class AcquisitionSurface {
 public:
  // Models as the acquisition expects them, all with the same features. With a
  // pull, the acquisition is in logarithms, and the pull is added. All must
  // outlive this.
  AcquisitionSurface(std::vector<const GaussianProcess*> models,
                     const Acquisition& acquisition,
                     std::optional<PriorPull> pull = std::nullopt);

  struct Gradients {
    Eigen::VectorXd values;     // [m]
    Eigen::MatrixXd gradients;  // [parameters, m]; 0 where inactive.
  };

  // [m].
  Eigen::VectorXd Values(const Eigen::MatrixXd& points) const;
  Gradients ValuesAndGradients(const Eigen::MatrixXd& points) const;

  // [m], at least Values() where the acquisition rises with each deviation: no
  // solve, O(n m).
  Eigen::VectorXd Bounds(const Eigen::MatrixXd& points) const;

  const Features& features() const { return models_[0]->features(); }
  const GaussianProcess& model(int i) const { return *models_[i]; }

 private:
  double Pull(const Eigen::VectorXd& point) const;
  Eigen::VectorXd PullGradient(const Eigen::VectorXd& point) const;

  std::vector<const GaussianProcess*> models_;
  const Acquisition& acquisition_;
  const std::optional<PriorPull> pull_;
};

}  // namespace assay
