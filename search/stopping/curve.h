#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "search/stopping/watched.h"
#include "search/study.h"

namespace assay {

struct CurveOptions {
  double min_delta = 0;
  // A cost is this share of the one before and the rest of what is reported.
  // What is not finite stands alone, and the average begins again after it.
  double smoothing = 0;
};

// The costs of one run by step, each step once. In order of steps a report is
// O(1); a late one costs the steps after it.
class Curve {
 public:
  struct Point {
    int64_t step;
    double reported;
    double cost;        // `reported`, smoothed.
    double mean;        // Of all costs up to here.
    double best;        // The lowest up to here.
    double mark;        // The last that lay below the one before by min_delta.
    int64_t mark_step;  // Where it was.
  };

  explicit Curve(CurveOptions options = {}) : options_(options) {}

  // Replaces the cost if the step is there already.
  void Add(int64_t step, double cost);

  // Forgets the points from `step` on.
  void CutFrom(int64_t step);

  const std::vector<Point>& points() const { return points_; }

  // The first point at `step` or later, the last at `step` or earlier; nullptr
  // if there is none.
  const Point* FirstFrom(int64_t step) const;
  const Point* LastUpTo(int64_t step) const;

 private:
  void Summarize(size_t i);
  double Smoothed(size_t i) const;

  CurveOptions options_;
  std::vector<Point> points_;  // By step.
};

}  // namespace assay
