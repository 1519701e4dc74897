#pragma once

#include <Eigen/Core>

#include "search/gp/kernel.h"

namespace assay {

// What a Gaussian process expects before it saw anything. Rows are those of
// Features::Embed(), [m, features.size()].
class MeanFunction {
 public:
  virtual ~MeanFunction() = default;

  // [m].
  virtual Eigen::VectorXd Values(const Kernel::Rows& z) const = 0;
  // By the columns of the row, [features.size(), m].
  virtual Eigen::MatrixXd Gradients(const Kernel::Rows& z) const = 0;
};

}  // namespace assay
