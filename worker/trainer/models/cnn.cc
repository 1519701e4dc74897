#include "worker/trainer/models/cnn.h"

#include "worker/trainer/models/activation.h"

namespace assay {

torch::nn::Sequential MakeCnn(const ModelConfig& config,
                              const std::vector<int64_t>& shape,
                              int64_t outputs) {
  torch::nn::Sequential network;
  int64_t inputs = shape[0];
  int64_t channels = config.width;
  for (int64_t block = 0; block < config.blocks; ++block) {
    network->push_back(torch::nn::Conv2d(
        torch::nn::Conv2dOptions(inputs, channels, config.kernel)
            .padding(config.kernel / 2)));
    if (config.batch_norm) network->push_back(torch::nn::BatchNorm2d(channels));
    network->push_back(torch::nn::MaxPool2d(2));
    AppendActivation(network, config.activation);
    inputs = channels;
    channels *= 2;
  }
  network->push_back(torch::nn::Flatten());
  if (config.dropout > 0) {
    network->push_back(torch::nn::Dropout(config.dropout));
  }
  const int64_t pixels =
      (shape[1] >> config.blocks) * (shape[2] >> config.blocks);
  network->push_back(torch::nn::Linear(inputs * pixels, outputs));
  return network;
}

}  // namespace assay
