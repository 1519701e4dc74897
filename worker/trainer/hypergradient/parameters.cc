#include "worker/trainer/hypergradient/parameters.h"

#include "worker/trainer/choice_names.h"

namespace assay {
namespace {

using Values = std::map<std::string, double>;

bool FollowsSteps(HypergradientMethod method) {
  return method == HypergradientMethod::kTruncated ||
         method == HypergradientMethod::kForward;
}

void AddLossParameters(const Configuration& config, Values& values) {
  const RegularizationConfig& penalties = config.regularization;
  values["regularization.l1"] = penalties.l1;
  values["regularization.l2"] = penalties.l2;
  for (int64_t layer = 0; layer < LayersOf(config.model); ++layer) {
    values[LayerL2Key(layer)] = 0;
  }
  for (const auto& [layer, l2] : penalties.layer_l2) {
    values[LayerL2Key(layer)] = l2;
  }
  if (config.loss == LossKind::kCrossEntropy) {
    values["label_smoothing"] = config.loss_terms.label_smoothing;
  }
  // Without there are no layers that drop.
  if (config.model.dropout > 0) values["model.dropout"] = config.model.dropout;
  // Likewise nothing is drawn.
  const AugmentationConfig& augmentation = config.augmentation;
  if (augmentation.rotation > 0) {
    values["augmentation.rotation"] = augmentation.rotation;
  }
  if (augmentation.noise > 0) values["augmentation.noise"] = augmentation.noise;
  for (const auto& [loss, weight] : config.loss_terms.loss_weights) {
    values[LossWeightKey(loss)] = weight;
  }
  for (const auto& [label, weight] : config.loss_terms.class_weights) {
    values[ClassWeightKey(label)] = weight;
  }
}

void AddStepParameters(const OptimizerConfig& optimizer, Values& values) {
  values["optimizer.learning_rate"] = optimizer.learning_rate;
  const OptimizerKind kind = optimizer.kind;
  if (kind == OptimizerKind::kAdam || kind == OptimizerKind::kAdamW) {
    values["optimizer.beta1"] = optimizer.beta1;
    values["optimizer.beta2"] = optimizer.beta2;
  } else {
    values["optimizer.momentum"] = optimizer.momentum;
  }
  if (kind == OptimizerKind::kRmsProp) {
    values["optimizer.alpha"] = optimizer.alpha;
  }
}

}  // namespace

int64_t LayersOf(const ModelConfig& model) {
  return 1 + (model.kind == ModelKind::kMlp ? model.depth : model.blocks);
}

std::string LayerL2Key(int64_t layer) {
  return "regularization.layers." + std::to_string(layer) + ".l2";
}

std::string ClassWeightKey(int64_t label) {
  return "class_weights." + std::to_string(label);
}

std::string LossWeightKey(LossKind loss) {
  return "loss_weights." + NameOf(kLossNames, loss);
}

std::map<std::string, double> DifferentiableParameters(
    const Configuration& config) {
  Values values;
  AddLossParameters(config, values);
  const bool steps = FollowsSteps(config.hypergradient.method);
  if (steps) AddStepParameters(config.optimizer, values);
  // Decay apart from the gradient is no part of the training loss.
  if (steps || config.optimizer.kind != OptimizerKind::kAdamW) {
    values["optimizer.weight_decay"] = config.optimizer.weight_decay;
  }
  return values;
}

}  // namespace assay
