#pragma once

#include <cmath>

#include <Eigen/Core>

#include "search/gp/derivatives.h"
#include "search/gp/features.h"
#include "search/math/random.h"
#include "tests/search/gp/mixed_space.h"

namespace assay {

// Rows of Features::EmbedDirection(): a direction of length 1 for each of these
// points, along numbers that are active there.
inline Eigen::MatrixXd RandomDirections(const Features& features,
                                        const Eigen::MatrixXd& points,
                                        Random& random) {
  Eigen::MatrixXd directions(points.rows(), features.size());
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    Eigen::VectorXd direction =
        2 * RandomMatrix(static_cast<int>(points.cols()), 1, random).array() -
        1;
    for (Eigen::Index j = 0; j < points.cols(); ++j) {
      if (std::isnan(points(i, j))) direction[j] = 0;
    }
    directions.row(i) = features.EmbedDirection(direction).normalized();
  }
  return directions;
}

// At every `every`-th of n rows, [n, .] of `directions`.
inline Derivatives DerivativesAt(const Eigen::MatrixXd& directions, int every,
                                 Random& random) {
  Derivatives derivatives;
  for (int i = 0; i < directions.rows(); i += every) {
    derivatives.rows.push_back(i);
  }
  const int m = derivatives.size();
  derivatives.directions.resize(m, directions.cols());
  for (int i = 0; i < m; ++i) {
    derivatives.directions.row(i) = directions.row(derivatives.rows[i]);
  }
  derivatives.targets = 2 * RandomMatrix(m, 1, random).array() - 1;
  derivatives.variances = 0.1 * RandomMatrix(m, 1, random);
  return derivatives;
}

}  // namespace assay
