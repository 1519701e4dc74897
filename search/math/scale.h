#pragma once

#include "search/parameter.h"

namespace assay {

// How a range is spread over [0, 1]; see Scale for the formulas. REQUIRES:
// min < max, and what the scale needs.
double ToUnitRange(Scale scale, double min, double max, double value);

// The inverse, for u in [0, 1]; the result lies in [min, max].
double FromUnitRange(Scale scale, double min, double max, double u);

// d FromUnitRange / d u where it is `value`, > 0.
double UnitRangeSlope(Scale scale, double min, double max, double value);

// `count` values min, min + step, ..., each the inside of a cell that ends half
// a step from it. The cells' borders are spread over [0, 1]; an outer border
// that the scale does not allow is mirrored: as far from its value, on the
// scale, as the inner border.
struct Grid {
  Scale scale = Scale::kLinear;
  double min = 0;
  double step = 1;
  int64_t count = 1;
};
double ToUnitGrid(const Grid& grid, int64_t k);
int64_t FromUnitGrid(const Grid& grid, double u);

}  // namespace assay
