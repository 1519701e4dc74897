#pragma once

#include <vector>

#include <Eigen/Core>

#include "absl/types/span.h"
#include "search/search_space.h"

namespace assay {

// From a point of the unit cube, as SearchSpace::Encode() gives it (NaN where a
// parameter is inactive), to what the kernel sees: one row of columns, of which
// each adds weight * D to the squared distance of two rows.
//
//   parameter                        column(s)              D
//   number                           u - 1/2                (x - x')^2
//   number with a condition          u - 1/2, inactive: 0   (x - x')^2
//                                    1,       inactive: 0   (x - x')^2 * h^2
//   categorical                      level, inactive: -1    x != x'
//
// So a number with a condition is a point of the plane, (u - 1/2, h) or (0, 0):
// two active ones differ by (u - u')^2, an active and an inactive one by
// (u - 1/2)^2 + h^2, two inactive ones not at all. A Euclidean embedding: the
// kernel stays positive semidefinite.
class Features {
 public:
  enum class Kind { kSquared, kHamming };

  struct Column {
    int parameter = 0;  // Index in SearchSpace::parameters().
    Kind kind = Kind::kSquared;
    int gap = -1;  // Which h^2 (Hyperparameters::gaps); -1: no such column.
  };

  explicit Features(const SearchSpace& space);

  // `parameters` numbers without conditions.
  static Features Continuous(int parameters);

  int parameters() const { return static_cast<int>(levels_.size()); }
  int size() const { return static_cast<int>(columns_.size()); }
  int gaps() const { return gaps_; }
  absl::Span<const Column> columns() const { return columns_; }

  // [size()]. `point` is [parameters()], as Encode() gives it.
  Eigen::VectorXd Embed(absl::Span<const double> point) const;

  // [n, size()] from [n, parameters()].
  Eigen::MatrixXd EmbedRows(const Eigen::MatrixXd& points) const;

  // [size()]: how the row of a point moves with a step in this direction,
  // [parameters()], 0 for those that are inactive there. Categorical ones do
  // not move.
  Eigen::VectorXd EmbedDirection(const Eigen::VectorXd& direction) const;

  // From d f / d column at the row `x` to d f / d u of each parameter:
  // [parameters()]. 0 for categorical and for inactive ones.
  Eigen::VectorXd PointGradient(const Eigen::VectorXd& x,
                                const Eigen::VectorXd& column_gradient) const;

 private:
  Features() = default;
  void AddNumber(bool conditional);
  void AddCategorical(int levels);

  std::vector<Column> columns_;
  std::vector<int> levels_;  // Of each parameter; 0: a number.
  int gaps_ = 0;
};

}  // namespace assay
