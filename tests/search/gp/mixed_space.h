#pragma once

#include <utility>
#include <vector>

#include <Eigen/Core>

#include "search/math/random.h"
#include "search/search_space.h"

namespace assay {

// A space with every kind of column: numbers, a categorical parameter, and
// below it a number and a categorical one with conditions.
inline SearchSpace MixedSpace() {
  const std::vector<ParameterValue> optimizers = {"sgd", "adam", "lbfgs"};
  return *SearchSpace::Create(
      {{.name = "rate", .domain = DoubleDomain{1e-5, 1, Scale::kLog}},
       {.name = "units", .domain = IntegerDomain{1, 8}},
       {.name = "optimizer", .domain = CategoricalDomain{optimizers}},
       {.name = "momentum",
        .domain = DoubleDomain{0, 1},
        .when = Condition{"optimizer", {"sgd"}}},
       {.name = "amsgrad",
        .domain = CategoricalDomain{{false, true}},
        .when = Condition{"optimizer", {"adam"}}},
       {.name = "decay",
        .domain = DoubleDomain{0, 1},
        .when = Condition{"optimizer", {"sgd", "adam"}}}});
}

// [n, encoded_size], as Encode() gives them.
inline Eigen::MatrixXd RandomPoints(const SearchSpace& space, int n,
                                    Random& random) {
  Eigen::MatrixXd points(n, space.encoded_size());
  for (int i = 0; i < n; ++i) {
    std::vector<double> point(space.encoded_size());
    for (double& u : point) u = random.Uniform();
    point = space.Encode(space.Decode(point));
    points.row(i) = Eigen::Map<Eigen::RowVectorXd>(point.data(), point.size());
  }
  return points;
}

inline Eigen::MatrixXd RandomMatrix(int rows, int columns, Random& random) {
  return Eigen::MatrixXd::NullaryExpr(rows, columns,
                                      [&] { return random.Uniform(); });
}

// Targets of about unit size that follow the rows.
inline Eigen::VectorXd SmoothTargets(const Eigen::MatrixXd& x) {
  return (3 * x.rowwise().sum().array()).sin() +
         x.rowwise().squaredNorm().array();
}

}  // namespace assay
