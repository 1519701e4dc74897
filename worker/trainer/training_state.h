#pragma once

#include <string>

#include "worker/trainer/checkpoint_header.h"
#include "worker/trainer/hypergradient/vector_learner.h"
#include "worker/trainer/online_rate.h"
#include "worker/trainer/result.h"
#include "worker/trainer/torch.h"

namespace assay {

// What changes while a network trains; borrowed.
struct TrainingState {
  torch::nn::Module& network;
  torch::optim::Optimizer& optimizer;
  const OnlineRate& online_rate;
  const VectorLearner& vectors;
  torch::Device device;
};

// Into one file: the header, weights and buffers in the network's order (so
// that dropout layers may come and go), the optimizer's state, what the online
// learning rate remembers, the vectors with what they remember, and Torch's
// random state of the device. No exception of Torch gets out.
Done SaveState(const std::string& path, const CheckpointHeader& header,
               const TrainingState& state);

// A file that SaveState() wrote, opened.
class SavedState {
 public:
  static Result<SavedState> Open(const std::string& path, torch::Device device);

  const CheckpointHeader& header() const { return header_; }

  // Into a network with the shapes of the saved one; throws what Torch throws.
  void LoadNetwork(torch::nn::Module& network);
  // Into one of the same kind. Its options (learning rate, momentum, ...) stay
  // as they are.
  void LoadOptimizer(torch::optim::Optimizer& optimizer);
  // The header's factor and the weights a step ago, if there are any.
  void LoadOnlineRate(OnlineRate& rate);
  // If there are any.
  void LoadVectors(VectorLearner& vectors);
  // Only that of a device of the same kind can be gone on with.
  void LoadRandom(torch::Device device);

 private:
  SavedState(CheckpointHeader header, torch::serialize::InputArchive archive);

  CheckpointHeader header_;
  torch::serialize::InputArchive archive_;
};

}  // namespace assay
