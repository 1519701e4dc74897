#include "worker/trainer/loss.h"

namespace assay {

namespace functional = torch::nn::functional;

namespace {

torch::Tensor AtLabels(const torch::Tensor& outputs,
                       const torch::Tensor& labels) {
  return outputs.gather(1, labels.unsqueeze(1)).squeeze(1);
}

torch::Tensor CrossEntropies(const torch::Tensor& outputs,
                             const torch::Tensor& labels,
                             const torch::Tensor& smoothing) {
  const torch::Tensor plain =
      torch::logsumexp(outputs, {1}) - AtLabels(outputs, labels);
  if (!smoothing.defined()) return plain;
  return plain + smoothing * (AtLabels(outputs, labels) - outputs.mean(1));
}

torch::Tensor HingeLosses(const torch::Tensor& outputs,
                          const torch::Tensor& labels) {
  const torch::Tensor margins =
      torch::relu(1 + outputs - outputs.gather(1, labels.unsqueeze(1)));
  // The label's own margin is 1 and does not count.
  return (margins.sum(1) - 1) / static_cast<double>(outputs.size(1) - 1);
}

torch::Tensor SquaredErrors(const torch::Tensor& outputs,
                            const torch::Tensor& truth) {
  if (truth.is_floating_point()) return (outputs.squeeze(1) - truth).square();
  return (outputs - torch::one_hot(truth, outputs.size(1))).square().mean(1);
}

LossTensors TensorsOf(const LossTerms& terms,
                      const torch::TensorOptions& options) {
  LossTensors tensors;
  if (terms.label_smoothing > 0) {
    tensors.label_smoothing =
        torch::scalar_tensor(terms.label_smoothing, options);
  }
  for (const auto& [loss, weight] : terms.loss_weights) {
    tensors.loss_weights[loss] = torch::scalar_tensor(weight, options);
  }
  for (const auto& [label, weight] : terms.class_weights) {
    tensors.class_weights[label] = torch::scalar_tensor(weight, options);
  }
  return tensors;
}

}  // namespace

int64_t OutputsFor(LossKind loss, int64_t classes) {
  return classes == 0 || loss == LossKind::kLogLoss ? 1 : classes;
}

torch::Tensor LossOf(LossKind loss, const torch::Tensor& outputs,
                     const torch::Tensor& truth) {
  const bool regression = truth.is_floating_point();
  switch (loss) {
    case LossKind::kCrossEntropy:
      return functional::cross_entropy(outputs, truth);
    case LossKind::kLogLoss:
      return functional::binary_cross_entropy_with_logits(
          outputs.squeeze(1), truth.to(outputs.scalar_type()));
    case LossKind::kHinge:
      // Torch divides by all classes, the formula by the others.
      return functional::multi_margin_loss(outputs, truth) *
             (static_cast<double>(outputs.size(1)) /
              static_cast<double>(outputs.size(1) - 1));
    case LossKind::kMse:
      if (regression) return functional::mse_loss(outputs.squeeze(1), truth);
      return functional::mse_loss(
          outputs,
          torch::one_hot(truth, outputs.size(1)).to(outputs.scalar_type()));
  }
  TORCH_CHECK(false, "unknown loss");
}

torch::Tensor WeightedLoss(LossKind loss, const LossTensors& terms,
                           const torch::Tensor& outputs,
                           const torch::Tensor& truth) {
  torch::Tensor losses =
      ExampleLosses(loss, outputs, truth, terms.label_smoothing);
  for (const auto& [other, weight] : terms.loss_weights) {
    losses = losses + weight * ExampleLosses(other, outputs, truth, {});
  }
  if (terms.example_factors.defined()) losses = losses * terms.example_factors;
  if (terms.class_weights.empty()) return losses.mean();
  torch::Tensor weights = torch::ones_like(losses.detach());
  for (const auto& [label, weight] : terms.class_weights) {
    weights = weights + (truth == label) * (weight - 1);
  }
  return WeightedMean(losses, weights);
}

torch::Tensor TrainingLoss(LossKind loss, const LossTerms& terms,
                           const torch::Tensor& example_factors,
                           const torch::Tensor& outputs,
                           const torch::Tensor& truth) {
  if (terms.Plain() && !example_factors.defined()) {
    return LossOf(loss, outputs, truth);
  }
  LossTensors tensors = TensorsOf(terms, outputs.options());
  tensors.example_factors = example_factors;
  return WeightedLoss(loss, tensors, outputs, truth);
}

torch::Tensor ExampleLosses(LossKind loss, const torch::Tensor& outputs,
                            const torch::Tensor& truth,
                            const torch::Tensor& smoothing) {
  switch (loss) {
    case LossKind::kCrossEntropy:
      return CrossEntropies(outputs, truth, smoothing);
    case LossKind::kLogLoss: {
      const torch::Tensor sign = truth * 2 - 1;
      return -torch::log_sigmoid(outputs.squeeze(1) * sign);
    }
    case LossKind::kHinge:
      return HingeLosses(outputs, truth);
    case LossKind::kMse:
      return SquaredErrors(outputs, truth);
  }
  TORCH_CHECK(false, "unknown loss");
}

torch::Tensor WeightedMean(const torch::Tensor& losses,
                           const torch::Tensor& weights) {
  return (losses * weights).sum() / weights.sum();
}

torch::Tensor PredictedLabels(const torch::Tensor& outputs) {
  if (outputs.size(1) == 1) return (outputs.squeeze(1) > 0).to(torch::kInt64);
  return outputs.argmax(1);
}

}  // namespace assay
