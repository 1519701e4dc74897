#pragma once

#include <vector>

#include <Eigen/Core>

namespace assay {

// Observed directional derivatives, at most one at each row of values, as a
// Gaussian process is trained on them (search/gp/derivative_kernel.h).
struct Derivatives {
  std::vector<int> rows;       // [m], rising: of which row of values.
  Eigen::MatrixXd directions;  // [m, features.size()], as EmbedDirection().
  Eigen::VectorXd targets;     // [m], in the unit of the targets of values.
  Eigen::VectorXd variances;   // [m], >= 0, of their noise as reported.

  int size() const { return static_cast<int>(rows.size()); }
  bool empty() const { return rows.empty(); }
};

}  // namespace assay
