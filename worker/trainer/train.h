#pragma once

#include <optional>
#include <string>

#include "worker/trainer/data/prepared_data.h"
#include "worker/trainer/progress.h"
#include "worker/trainer/result.h"
#include "worker/trainer/trial_file.h"

namespace assay {

struct TrainingOutcome {
  Metrics metrics;  // Of the last epoch reported, and of the final test.
  std::optional<std::string> stopped;  // Why, if it was told to stop.
};

// Trains the network of `trial` on `data` and reports every epoch after
// trial.from to `progress`; those up to it are trained again in silence. The
// confusion matrix comes as an attribute in the end. The same trial and data
// give the same metrics bit by bit on the same CPU build, examples_per_second
// apart. A loss that is no longer finite makes all quality metrics NaN, and
// ends the training with that epoch if divergence is "stop". No exception of
// Torch gets out.
Result<TrainingOutcome> Train(const TrialFile& trial, const PreparedData& data,
                              Progress& progress);

}  // namespace assay
