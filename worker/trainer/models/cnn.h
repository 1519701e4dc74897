#pragma once

#include <cstdint>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/torch.h"

namespace assay {

// A convolutional network on images [batch, channels, height, width], `shape`
// without the batch: `blocks` blocks, the first of `width` channels, each next
// of twice as many at half the side:
//   convolution -> batch norm -> max pool 2x2 -> activation
// then dropout -> linear. Pooling comes before the activation for its speed (a
// quarter of the values); with an activation that never falls it is the same.
torch::nn::Sequential MakeCnn(const ModelConfig& config,
                              const std::vector<int64_t>& shape,
                              int64_t outputs);

}  // namespace assay
