#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "search/stopping/running_curves.h"
#include "search/stopping/watched.h"

namespace assay {

// What a trial has reached at a step, to be ranked. Numbers are >= -infinity
// and never NaN.
struct StepStanding {
  // By how much bounds are broken, summed over them; 0: all are kept. A bound
  // of which nothing is known yet is kept, NaN breaks it by infinity.
  double violation = 0;
  std::vector<double> costs;  // [objectives]

  // Of which nothing is worse.
  static StepStanding Worst(size_t objectives);
};

// Which number of a curve up to a step is taken.
using PointCost = double Curve::Point::*;

// The trial's at `step`: of each objective `cost` of the last point up to
// there, of each bound the last value. REQUIRES: HasStanding(trial, step).
StepStanding StandingAt(const TrialCurves& trial,
                        absl::Span<const Watched> watched, int64_t step,
                        PointCost cost);

// True if every objective was reported up to `step`.
bool HasStanding(const TrialCurves& trial, absl::Span<const Watched> watched,
                 int64_t step);

// "accuracy 0.61", "accuracy 0.61, latency 12", and what is broken.
std::string ToText(const StepStanding& standing,
                   absl::Span<const Watched> watched);

}  // namespace assay
