#pragma once

#include <cstdint>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/torch.h"

namespace assay {

// A network from inputs [batch, ...shape] to [batch, outputs]: a score for each
// class, or the value itself. Weights are drawn from Torch's generator. The
// shape must fit (PrepareData() sees to it). Throws what Torch throws.
torch::nn::Sequential MakeModel(const ModelConfig& config,
                                const std::vector<int64_t>& shape,
                                int64_t outputs);

}  // namespace assay
