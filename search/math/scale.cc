#include "search/math/scale.h"

#include <algorithm>
#include <cmath>

namespace assay {
namespace {

double Logit(double x) { return std::log(x) - std::log1p(-x); }
double Logistic(double t) { return 1 / (1 + std::exp(-t)); }

// The scale's own coordinate, in which its range is spread evenly.
double Transform(Scale scale, double x) {
  return scale == Scale::kLogit ? Logit(x) : std::log(x);
}
double Invert(Scale scale, double t) {
  return scale == Scale::kLogit ? Logistic(t) : std::exp(t);
}

bool Allows(Scale scale, double x) {
  return x > 0 && (scale != Scale::kLogit || x < 1);
}

double Last(const Grid& grid) {
  return grid.min + static_cast<double>(grid.count - 1) * grid.step;
}

// The border outside of `x`, in the scale's coordinate; `half` points outwards.
double OuterBorder(Scale scale, double x, double half) {
  if (Allows(scale, x + half)) return Transform(scale, x + half);
  return 2 * Transform(scale, x) - Transform(scale, x - half);
}

struct Span {
  double from, to;
};

Span Borders(const Grid& grid) {
  return {OuterBorder(grid.scale, grid.min, -grid.step / 2),
          OuterBorder(grid.scale, Last(grid), grid.step / 2)};
}

Grid AsLog(Grid grid) {
  grid.scale = Scale::kLog;
  return grid;
}

}  // namespace

double ToUnitRange(Scale scale, double min, double max, double value) {
  if (scale == Scale::kReverseLog) {
    return 1 - ToUnitRange(Scale::kLog, min, max, max - (value - min));
  }
  const bool linear = scale == Scale::kLinear;
  const double from = linear ? min : Transform(scale, min);
  const double to = linear ? max : Transform(scale, max);
  const double at = linear ? value : Transform(scale, value);
  return std::clamp((at - from) / (to - from), 0.0, 1.0);
}

double FromUnitRange(Scale scale, double min, double max, double u) {
  if (u <= 0) return min;
  if (u >= 1) return max;
  switch (scale) {
    case Scale::kLinear:
      return std::clamp(min + u * (max - min), min, max);
    case Scale::kReverseLog:
      return std::clamp(
          max - (FromUnitRange(Scale::kLog, min, max, 1 - u) - min), min, max);
    default:
      break;
  }
  const double from = Transform(scale, min);
  const double to = Transform(scale, max);
  return std::clamp(Invert(scale, from + u * (to - from)), min, max);
}

double UnitRangeSlope(Scale scale, double min, double max, double value) {
  switch (scale) {
    case Scale::kLinear:
      return max - min;
    case Scale::kLog:
      return value * std::log(max / min);
    case Scale::kReverseLog:
      return (max - (value - min)) * std::log(max / min);
    case Scale::kLogit:
      break;
  }
  return value * (1 - value) * (Logit(max) - Logit(min));
}

double ToUnitGrid(const Grid& grid, int64_t k) {
  if (grid.scale == Scale::kLinear || grid.count == 1) {
    return (static_cast<double>(k) + 0.5) / static_cast<double>(grid.count);
  }
  if (grid.scale == Scale::kReverseLog) {
    return 1 - ToUnitGrid(AsLog(grid), grid.count - 1 - k);
  }
  const Span borders = Borders(grid);
  const double value = grid.min + static_cast<double>(k) * grid.step;
  return (Transform(grid.scale, value) - borders.from) /
         (borders.to - borders.from);
}

int64_t FromUnitGrid(const Grid& grid, double u) {
  const double count = static_cast<double>(grid.count);
  if (grid.scale == Scale::kReverseLog) {
    return grid.count - 1 - FromUnitGrid(AsLog(grid), 1 - u);
  }
  double k = u * count;
  if (grid.scale != Scale::kLinear && grid.count > 1) {
    const Span borders = Borders(grid);
    const double value =
        Invert(grid.scale, borders.from + u * (borders.to - borders.from));
    k = (value - grid.min) / grid.step + 0.5;
  }
  return static_cast<int64_t>(std::clamp(std::floor(k), 0.0, count - 1));
}

}  // namespace assay
