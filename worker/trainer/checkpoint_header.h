#pragma once

#include <cstdint>
#include <string>

#include "nlohmann/json.hpp"
#include "worker/trainer/configuration.h"
#include "worker/trainer/random.h"
#include "worker/trainer/result.h"

namespace assay {

// How far a training is, between two batches.
struct TrainingPosition {
  int64_t epoch = 0;     // Finished ones.
  int64_t examples = 0;  // Trained of the epoch after these.
  double seconds = 0;    // Of training, over the whole lineage.
  int64_t step = 0;      // Reported last.
  // Data order: the state from which the next epoch's (or, with `examples`, the
  // present one's) is drawn.
  Random::State order = {};
  double loss_sum = 0;     // Over `examples`.
  double rate_factor = 1;  // Of optimizer.online_rate.

  // Of the latest epoch.
  double train_loss = 0;
  double learning_rate = 0;
  double examples_per_second = 0;
};

// What a checkpoint says of itself beside its tensors.
struct CheckpointHeader {
  nlohmann::json identity;  // IdentityOf() the configuration.
  std::string optimizer;    // Its name.
  std::string device;       // Whose random state it holds: "cpu", "cuda".
  int64_t train_examples = 0;
  TrainingPosition position;
};

// The keys that a continued training may not change, with their values: those
// of the network, the loss and the data, but data.train_examples.
nlohmann::json IdentityOf(const Configuration& config);

// JSON; numbers come back bit by bit, those that are not finite as NaN.
std::string HeaderText(const CheckpointHeader& header);
Result<CheckpointHeader> ParseHeader(const std::string& text);

// An error names the key, both values, and what may change.
Done CheckContinues(const CheckpointHeader& header,
                    const Configuration& config);

}  // namespace assay
