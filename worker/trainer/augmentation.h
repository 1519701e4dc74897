#pragma once

#include "worker/trainer/configuration.h"
#include "worker/trainer/torch.h"

namespace assay {

// How much images are changed before the network sees them in training;
// scalars that may be differentiated by, undefined where nothing is changed.
struct AugmentationTensors {
  torch::Tensor rotation;  // The largest angle, in degrees.
  torch::Tensor noise;     // Its standard deviation.
};

AugmentationTensors TensorsOf(const AugmentationConfig& config,
                              const torch::TensorOptions& options);

// [batch, channels, height, width]: each image turned by its own angle, uniform
// in [-rotation, rotation], about its middle (linear between pixels; beyond the
// edge its pixels go on), then normal noise added to each pixel. Draws from
// Torch's generator. Can be differentiated by the magnitudes any number of
// times, in reverse and forward mode, which grid_sample of LibTorch 1.13
// cannot.
torch::Tensor Augmented(const torch::Tensor& images,
                        const AugmentationTensors& magnitudes);

}  // namespace assay
