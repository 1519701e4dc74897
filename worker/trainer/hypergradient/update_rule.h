#pragma once

#include <cstdint>

#include "worker/trainer/configuration.h"
#include "worker/trainer/hypergradient/tensors.h"

namespace assay {

// What an optimizer carries from one step to the next.
struct OptimizerState {
  Tensors weights;
  // One tensor of each kind for each weight, all of a kind together:
  //   sgd            the velocity
  //   adam, adamw    the mean of the gradients, then of their squares
  //   rmsprop        the mean of the squares, then the velocity
  Tensors moments;
};

// Scalars; those that an optimizer does not have are not looked at.
struct OptimizerNumbers {
  torch::Tensor learning_rate;
  torch::Tensor momentum;
  torch::Tensor beta1;
  torch::Tensor beta2;
  torch::Tensor alpha;
  torch::Tensor weight_decay;
};

// Moments before the first step.
Tensors InitialMoments(OptimizerKind kind, const Tensors& weights);

// One step of Torch's optimizer of that kind as a function that can be
// differentiated by state, gradient and numbers, any number of times. `count`
// is that of the step, from 1 (Adam's bias correction). Where a mean of squares
// is 0, its root counts as constant.
OptimizerState UpdateOf(const OptimizerConfig& config,
                        const OptimizerState& state, const Tensors& gradient,
                        const OptimizerNumbers& numbers, int64_t count);

}  // namespace assay
