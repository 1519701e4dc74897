#pragma once

#include <cstdint>
#include <vector>

#include "search/insight/prediction.h"
#include "search/insight/study_model.h"

namespace assay {

// A configuration, predicted by a model of all others.
struct LeftOutTrial {
  int64_t number = 0;  // Of the first of its trials.
  int32_t count = 1;   // Trials of which `observed` is the mean.
  double observed = 0;
  Prediction predicted;
};

// The share of left-out observations that lie in intervals.
struct Coverage {
  double half = 0;  // Of the 50 % intervals.
  double most = 0;  // Of the 90 % intervals.
};

// How far a model can be trusted, by leaving out one configuration after the
// other (StudyModel says how). The interval of each is stretched as the errors
// of the others say, so that its own error has no say in it (calibration.h).
struct ModelQuality {
  std::vector<LeftOutTrial> trials;  // By number.
  double r_squared = 0;              // See StudyModel.
  // Spearman's, of observed and predicted; ties have their mean rank. 0 if all
  // predictions are equal.
  double rank_correlation = 0;
  // Mean natural logarithm of the density at the observed values, in the
  // metric's unit; of the model as it is, without calibration. For comparing
  // models of the same trials.
  double log_score = 0;
  Coverage coverage;
  Coverage uncalibrated;  // Of intervals that take the model at its word.
};

ModelQuality AssessQuality(const StudyModel& model);

}  // namespace assay
