#pragma once

#include <memory>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/torch.h"

namespace assay {

std::unique_ptr<torch::optim::Optimizer> MakeOptimizer(
    const OptimizerConfig& config, std::vector<torch::Tensor> weights);

void SetLearningRate(torch::optim::Optimizer& optimizer, double rate);

// Adds the gradients of l1 * sum |w| + l2/2 * sum w^2 over the matrices and
// kernels among `weights`, one a layer, and of what layer_l2 adds to l2; biases
// and batch norms are not penalized.
void AddPenaltyGradients(const RegularizationConfig& config,
                         const std::vector<torch::Tensor>& weights);

}  // namespace assay
