#pragma once

#include "worker/trainer/hypergradient/tensors.h"

namespace assay {

// One hyperparameter for each weight and one for each example, as numbers
// without bounds.
struct VectorTensors {
  // Shaped like the matrices and kernels of the network, in their order; adds
  // sum exp(log_decay) w^2 / 2 to the training loss. Empty: there are none.
  Tensors log_decays;
  // [examples of the training part]; each one's loss counts sigmoid(logit)
  // times. Undefined: there are none.
  torch::Tensor example_logits;

  // The decays, then the logits.
  Tensors All() const {
    Tensors all = log_decays;
    if (example_logits.defined()) all.push_back(example_logits);
    return all;
  }
};

}  // namespace assay
