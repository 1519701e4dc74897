#pragma once

#include <cstdint>

#include "search/parameter.h"

namespace assay {

// One parameter as a density over its encoding in [0, 1] sees it.
class Axis {
 public:
  // `domain` must outlive this.
  explicit Axis(const Domain& domain);

  // Its values have no order: those that differ are equally far apart.
  bool is_categorical() const { return categorical_; }

  // How many values, 0 if it is continuous.
  int64_t levels() const { return levels_; }

  // The mean length of a value's cell, 0 if it is continuous.
  double cell() const { return levels_ == 0 ? 0 : 1.0 / levels_; }

  // The encoding of the value at `u`.
  double Snap(double u) const;

  // The encoding of the k-th value. REQUIRES: is_categorical().
  double Category(int64_t k) const;

 private:
  const Domain* domain_;
  bool categorical_;
  bool even_;  // Cells of equal length.
  int64_t levels_;
};

}  // namespace assay
