#include "worker/trainer/models/mlp.h"

#include "worker/trainer/models/activation.h"

namespace assay {

torch::nn::Sequential MakeMlp(const ModelConfig& config, int64_t features,
                              int64_t outputs) {
  torch::nn::Sequential network;
  network->push_back(torch::nn::Flatten());
  int64_t inputs = features;
  for (int64_t layer = 0; layer < config.depth; ++layer) {
    network->push_back(torch::nn::Linear(inputs, config.width));
    if (config.batch_norm) {
      network->push_back(torch::nn::BatchNorm1d(config.width));
    }
    AppendActivation(network, config.activation);
    if (config.dropout > 0) {
      network->push_back(torch::nn::Dropout(config.dropout));
    }
    inputs = config.width;
  }
  network->push_back(torch::nn::Linear(inputs, outputs));
  return network;
}

}  // namespace assay
