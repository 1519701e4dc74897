#include "worker/trainer/optimizer.h"

#include <tuple>
#include <utility>

namespace assay {
namespace {

namespace optim = torch::optim;

optim::SGDOptions SgdOptions(const OptimizerConfig& config) {
  return optim::SGDOptions(config.learning_rate)
      .momentum(config.momentum)
      .nesterov(config.nesterov)
      .weight_decay(config.weight_decay);
}

// For Adam and AdamW, whose options have the same names.
template <class Options>
Options AdamOptions(const OptimizerConfig& config) {
  return Options(config.learning_rate)
      .betas(std::make_tuple(config.beta1, config.beta2))
      .eps(config.epsilon)
      .weight_decay(config.weight_decay);
}

optim::RMSpropOptions RmsPropOptions(const OptimizerConfig& config) {
  return optim::RMSpropOptions(config.learning_rate)
      .alpha(config.alpha)
      .momentum(config.momentum)
      .eps(config.epsilon)
      .weight_decay(config.weight_decay);
}

double LayerL2(const RegularizationConfig& config, int64_t layer) {
  const auto found = config.layer_l2.find(layer);
  return found == config.layer_l2.end() ? 0 : found->second;
}

}  // namespace

std::unique_ptr<optim::Optimizer> MakeOptimizer(
    const OptimizerConfig& config, std::vector<torch::Tensor> weights) {
  switch (config.kind) {
    case OptimizerKind::kSgd:
      return std::make_unique<optim::SGD>(std::move(weights),
                                          SgdOptions(config));
    case OptimizerKind::kAdam:
      return std::make_unique<optim::Adam>(
          std::move(weights), AdamOptions<optim::AdamOptions>(config));
    case OptimizerKind::kAdamW:
      return std::make_unique<optim::AdamW>(
          std::move(weights), AdamOptions<optim::AdamWOptions>(config));
    case OptimizerKind::kRmsProp:
      return std::make_unique<optim::RMSprop>(std::move(weights),
                                              RmsPropOptions(config));
  }
  TORCH_CHECK(false, "unknown optimizer");
}

void SetLearningRate(optim::Optimizer& optimizer, double rate) {
  for (optim::OptimizerParamGroup& group : optimizer.param_groups()) {
    group.options().set_lr(rate);
  }
}

void AddPenaltyGradients(const RegularizationConfig& config,
                         const std::vector<torch::Tensor>& weights) {
  if (config.l1 == 0 && config.l2 == 0 && config.layer_l2.empty()) return;
  const torch::NoGradGuard no_gradient;
  int64_t layer = 0;
  for (const torch::Tensor& weight : weights) {
    if (weight.dim() < 2 || !weight.grad().defined()) continue;
    torch::Tensor gradient = weight.grad();
    const double l2 = config.l2 + LayerL2(config, layer++);
    if (config.l1 > 0) gradient.add_(weight.sign(), config.l1);
    if (l2 > 0) gradient.add_(weight, l2);
  }
}

}  // namespace assay
