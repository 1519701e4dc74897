#pragma once

#include "worker/trainer/torch.h"

namespace assay {

// The state of Torch's generator of a device, from which dropout draws; a
// tensor of bytes on the CPU.
torch::Tensor RandomState(torch::Device device);
void SetRandomState(torch::Device device, const torch::Tensor& state);

// Puts the state back at its end, so that what is drawn meanwhile leaves no
// trace.
class RandomStateKeeper {
 public:
  explicit RandomStateKeeper(torch::Device device)
      : device_(device), state_(RandomState(device)) {}
  ~RandomStateKeeper() { SetRandomState(device_, state_); }
  RandomStateKeeper(const RandomStateKeeper&) = delete;
  RandomStateKeeper& operator=(const RandomStateKeeper&) = delete;

 private:
  const torch::Device device_;
  const torch::Tensor state_;
};

}  // namespace assay
