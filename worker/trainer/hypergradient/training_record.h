#pragma once

#include <cstdint>
#include <vector>

#include "worker/trainer/hypergradient/update_rule.h"

namespace assay {

// One step of a training as it was taken.
struct RecordedStep {
  torch::Tensor rows;    // Of the training part.
  torch::Tensor random;  // Torch's random state before it.
  double learning_rate = 0;
  double rate_slope = 0;  // Of it by optimizer.learning_rate.
};

// The last steps of a training and the state before them, so that they can be
// taken again.
struct TrainingRecord {
  OptimizerState start;
  int64_t steps_before = 0;  // As the optimizer counts them.
  std::vector<RecordedStep> steps;
};

// A record without steps that begins at the present state, copied. The moments
// are those that the optimizer has, zeros where it has none yet.
TrainingRecord RecordFrom(OptimizerKind kind,
                          const torch::optim::Optimizer& optimizer);

}  // namespace assay
