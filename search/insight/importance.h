#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "search/insight/sobol_indices.h"
#include "search/insight/study_model.h"

namespace assay {

struct Estimate {
  double value = 0;
  double error = 0;  // Standard error.
};

struct ParameterImportance {
  std::string name = {};
  // Shares of the variance of what the model predicts over the whole space, see
  // SobolIndices; in [0, 1].
  Estimate first_order = {};
  Estimate total = {};
  // SharesWithinBest() of the best 10 %; in [0, 1]. nullopt: the best are all
  // equal.
  std::optional<Estimate> within_best = {};
};

struct Importance {
  std::vector<ParameterImportance> parameters;  // By falling total.
  bool transformed = false;  // Of the process's unit, not the metric's.
  double r_squared = 0;      // See StudyModel; in that unit.
  int rows = 0;              // Configurations it is from.
};

// Which parameters decide about the metric. The function that is looked at is
// the process's mean, turned back into the metric's unit, where every parameter
// is drawn evenly in its encoding (evenly in the logarithm on a log scale; each
// level and category as often as any other). Where a few extreme values make
// the variance in that unit, so that the model explains too little of it, it is
// the process's own unit, if it explains enough there: the worse half of the
// values counts by rank, the better half by the logarithm of the distance from
// the best. A parameter changes nothing where it is inactive. The constraints
// of the space are kept within the best, and ignored by the shares over the
// whole space, whose parameters have to be independent.
//
// Standard errors tell how much the answer hangs on the trials at hand: a
// jackknife that leaves out one of 8 groups of configurations after the other,
// with the hyperparameters of all. They say nothing of what the model cannot
// represent: that is r_squared's.
//
// FailedPrecondition, with the figure, if there are fewer than
// kLeastImportanceRows configurations or more than kMostImportanceParameters
// parameters, or r_squared is below kLeastRSquared in both units. Cancelled
// once `keep_going` says no. About 1 s for 1,000 rows of 10 parameters.
inline constexpr int kLeastImportanceRows = 10;
inline constexpr double kLeastRSquared = 0.3;
inline constexpr int kMostImportanceParameters = 200;
inline constexpr double kBestShare = 0.1;

absl::StatusOr<Importance> AssessImportance(const StudyModel& model,
                                            KeepGoing keep_going);

}  // namespace assay
