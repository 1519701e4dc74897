#include "worker/trainer/hypergradient/functional_network.h"

namespace assay {
namespace {

constexpr double kTemperature = 0.1;

// Keeps x with probability 1 - p, almost: sigmoid((logit(1 - p) + logit(u)) /
// temperature) of a uniform u.
torch::Tensor RelaxedDropout(const torch::Tensor& x, const torch::Tensor& p) {
  const torch::Tensor u = torch::rand_like(x.detach());
  const torch::Tensor keep = torch::sigmoid(
      (torch::logit(1 - p) + torch::logit(u, /*eps=*/1e-6)) / kTemperature);
  return x * keep / (1 - p);
}

// Applies layer after layer, each with the next of the weights.
class LayerWalk {
 public:
  LayerWalk(const Tensors& weights, NetworkMode mode,
            const torch::Tensor& relaxed_dropout)
      : next_(weights.begin()), mode_(mode), dropout_(relaxed_dropout) {}

  torch::Tensor Apply(torch::nn::AnyModule& layer, const torch::Tensor& x) {
    torch::nn::Module& module = *layer.ptr();
    if (module.as<torch::nn::Linear>() != nullptr) return Linear(x);
    if (const auto* conv = module.as<torch::nn::Conv2d>()) {
      return Convolution(*conv, x);
    }
    if (const auto* norm = module.as<torch::nn::BatchNorm1d>()) {
      return BatchNorm(*norm, x);
    }
    if (const auto* norm = module.as<torch::nn::BatchNorm2d>()) {
      return BatchNorm(*norm, x);
    }
    if (const auto* dropout = module.as<torch::nn::Dropout>()) {
      return Dropout(*dropout, x);
    }
    TORCH_CHECK(module.parameters().empty(), module.name(),
                " has weights that its functional form does not know");
    return layer.forward(x);
  }

 private:
  bool Training() const { return mode_ == NetworkMode::kTraining; }

  torch::Tensor Linear(const torch::Tensor& x) {
    const torch::Tensor weight = *next_++;
    const torch::Tensor bias = *next_++;
    return torch::linear(x, weight, bias);
  }

  torch::Tensor Convolution(const torch::nn::Conv2dImpl& layer,
                            const torch::Tensor& x) {
    const torch::Tensor weight = *next_++;
    const torch::Tensor bias = *next_++;
    const int64_t margin = layer.options.kernel_size()->at(0) / 2;
    return torch::conv2d(x, weight, bias, /*stride=*/1, /*padding=*/margin);
  }

  torch::Tensor Dropout(const torch::nn::DropoutImpl& layer,
                        const torch::Tensor& x) const {
    if (Training() && dropout_.defined()) return RelaxedDropout(x, dropout_);
    return torch::dropout(x, layer.options.p(), Training());
  }

  template <class Layer>
  torch::Tensor BatchNorm(const Layer& layer, const torch::Tensor& x) {
    const torch::Tensor weight = *next_++;
    const torch::Tensor bias = *next_++;
    const auto running = [&](const torch::Tensor& statistic) {
      return Training() ? torch::Tensor() : statistic.to(x.scalar_type());
    };
    return torch::batch_norm(x, weight, bias, running(layer.running_mean),
                             running(layer.running_var), Training(),
                             /*momentum=*/0, layer.options.eps(),
                             /*cudnn_enabled=*/false);
  }

  Tensors::const_iterator next_;
  const NetworkMode mode_;
  const torch::Tensor dropout_;
};

}  // namespace

torch::Tensor OutputsWith(torch::nn::Sequential network, const Tensors& weights,
                          const torch::Tensor& inputs, NetworkMode mode,
                          const torch::Tensor& relaxed_dropout) {
  LayerWalk walk(weights, mode, relaxed_dropout);
  torch::Tensor x = inputs;
  for (torch::nn::AnyModule& layer : *network) x = walk.Apply(layer, x);
  return x;
}

}  // namespace assay
