#pragma once

#include <cstdint>

#include "worker/trainer/configuration.h"
#include "worker/trainer/torch.h"

namespace assay {

// A multilayer perceptron on [batch, features]: `depth` hidden layers of
// `width` units, each linear -> batch norm -> activation -> dropout, then
// linear.
torch::nn::Sequential MakeMlp(const ModelConfig& config, int64_t features,
                              int64_t outputs);

}  // namespace assay
