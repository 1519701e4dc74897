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

// Trains the network of `trial` on `data`, from its checkpoint if it names one,
// and reports what each epoch gave to `progress`, by the budget's unit:
//   steps     every epoch after budget.from; what has to be trained again up to
//             it, in silence
//   seconds   every epoch after a second that has not been reported yet, and
//             the end, after the batch with which the time is up
//   examples  the end
// The confusion matrix comes as an attribute in the end. The same trial and
// data give the same metrics bit by bit on the same CPU build, in one run or in
// several that resume, examples_per_second and budgets in seconds apart. A
// checkpoint of another network, loss or data is a configuration error; one of
// another optimizer gives the weights alone. A loss that is no longer finite
// makes all quality metrics NaN, and ends the training with that epoch if
// divergence is "stop". No exception of Torch gets out.
Result<TrainingOutcome> Train(const TrialFile& trial, const PreparedData& data,
                              Progress& progress);

}  // namespace assay
