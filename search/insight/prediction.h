#pragma once

#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "search/insight/study_model.h"

namespace assay {

struct Interval {
  double low = 0;
  double high = 0;
};

// What one more trial of a configuration would measure, in the metric's unit.
// Noise is part of it: it is as wide as repeated runs differ, and the wider the
// less is known of the place.
struct Prediction {
  double median = 0;  // The mean too, unless the model transforms the values.
  Interval half;      // Holds the value with a chance of 50 %, tails equal.
  Interval most;      // 90 %.
  // Of a metric with a bound: the chance that the value keeps it.
  std::optional<double> keeps_bound = {};
};

// Of each configuration. The deviations of the process are stretched as its
// leave-one-out errors say (calibration.h). REQUIRES: the space holds them.
std::vector<Prediction> Predict(const StudyModel& model,
                                absl::Span<const Parameters> configurations);

// Half the width of an interval, in deviations.
struct Widths {
  double half = 0;
  double most = 0;
};

// Without `keeps_bound`.
Prediction ToPrediction(const MetricUnit& unit, const NoisyBelief& belief,
                        const Widths& widths);

}  // namespace assay
