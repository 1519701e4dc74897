#pragma once

#include <cstdint>
#include <vector>

#include "search/math/random.h"
#include "search/search_space.h"

namespace assay {

// The columns of the unit-cube encoding (SearchSpace::Encode()) by what can be
// done with them. A column of an inactive parameter is NaN.
class Coordinates {
 public:
  // `space` must outlive this.
  explicit Coordinates(const SearchSpace& space);

  int size() const { return static_cast<int>(levels_.size()); }
  // Without an order: differences mean nothing.
  bool IsCategorical(int i) const { return categorical_[i]; }
  bool IsContinuous(int i) const { return levels_[i] == 0; }

  // True if both are the same value of parameter i, or both NaN.
  bool IsSame(int i, double u, double v) const;

  // Another value of a parameter with levels, each equally likely; `u` if there
  // is no other. REQUIRES: !IsContinuous(i), u is not NaN.
  double Other(int i, double u, Random& random) const;

  // The next value above `u` or below. REQUIRES: as Other().
  double Next(int i, double u, bool above) const;

  // Parameters that are active in `point`.
  std::vector<int> Active(const std::vector<double>& point) const;

  // Draws each NaN of `point` evenly from [0, 1).
  void DrawMissing(std::vector<double>& point, Random& random) const;

 private:
  int64_t Level(int i, double u) const;
  double Place(int i, int64_t level) const;

  const SearchSpace& space_;
  std::vector<int64_t> levels_;  // 0: continuous.
  std::vector<bool> categorical_;
};

}  // namespace assay
