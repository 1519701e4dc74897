#include "worker/trainer/loss.h"

namespace assay {

namespace functional = torch::nn::functional;

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

torch::Tensor PredictedLabels(const torch::Tensor& outputs) {
  if (outputs.size(1) == 1) return (outputs.squeeze(1) > 0).to(torch::kInt64);
  return outputs.argmax(1);
}

}  // namespace assay
