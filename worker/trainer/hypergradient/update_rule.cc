#include "worker/trainer/hypergradient/update_rule.h"

#include <utility>

namespace assay {
namespace {

// One weight with its gradient and its moments.
struct Slot {
  torch::Tensor weight;
  torch::Tensor gradient;
  torch::Tensor first;
  torch::Tensor second;
};

int64_t MomentKinds(OptimizerKind kind) {
  return kind == OptimizerKind::kSgd ? 1 : 2;
}

// A weight that never had a gradient would give 0 times the root's infinite
// slope.
torch::Tensor RootOf(const torch::Tensor& squares) {
  const torch::Tensor positive = squares > 0;
  return torch::where(positive, squares, torch::ones_like(squares)).sqrt() *
         positive;
}

torch::Tensor MeanWith(const torch::Tensor& mean, const torch::Tensor& value,
                       const torch::Tensor& decay) {
  return decay * mean + (1 - decay) * value;
}

Slot SgdStep(const OptimizerConfig& config, Slot slot,
             const OptimizerNumbers& numbers) {
  const torch::Tensor slope =
      slot.gradient + numbers.weight_decay * slot.weight;
  slot.first = numbers.momentum * slot.first + slope;
  const torch::Tensor direction =
      config.nesterov ? slope + numbers.momentum * slot.first : slot.first;
  slot.weight = slot.weight - numbers.learning_rate * direction;
  return slot;
}

Slot AdamStep(const OptimizerConfig& config, Slot slot,
              const OptimizerNumbers& numbers, int64_t count) {
  slot.first = MeanWith(slot.first, slot.gradient, numbers.beta1);
  slot.second =
      MeanWith(slot.second, slot.gradient * slot.gradient, numbers.beta2);
  const auto steps = static_cast<double>(count);
  const torch::Tensor bias1 = 1 - torch::pow(numbers.beta1, steps);
  const torch::Tensor bias2 = 1 - torch::pow(numbers.beta2, steps);
  const torch::Tensor scale =
      RootOf(slot.second) / bias2.sqrt() + config.epsilon;
  slot.weight =
      slot.weight - numbers.learning_rate / bias1 * slot.first / scale;
  return slot;
}

Slot RmsPropStep(const OptimizerConfig& config, Slot slot,
                 const OptimizerNumbers& numbers) {
  slot.first =
      MeanWith(slot.first, slot.gradient * slot.gradient, numbers.alpha);
  slot.second = numbers.momentum * slot.second +
                slot.gradient / (RootOf(slot.first) + config.epsilon);
  slot.weight = slot.weight - numbers.learning_rate * slot.second;
  return slot;
}

Slot Decayed(Slot slot, const OptimizerNumbers& numbers) {
  slot.gradient = slot.gradient + numbers.weight_decay * slot.weight;
  return slot;
}

Slot Shrunk(Slot slot, const OptimizerNumbers& numbers) {
  slot.weight =
      slot.weight * (1 - numbers.learning_rate * numbers.weight_decay);
  return slot;
}

Slot StepOf(const OptimizerConfig& config, Slot slot,
            const OptimizerNumbers& numbers, int64_t count) {
  switch (config.kind) {
    case OptimizerKind::kSgd:
      return SgdStep(config, std::move(slot), numbers);
    case OptimizerKind::kAdam:
      return AdamStep(config, Decayed(std::move(slot), numbers), numbers,
                      count);
    case OptimizerKind::kAdamW:
      return AdamStep(config, Shrunk(std::move(slot), numbers), numbers, count);
    case OptimizerKind::kRmsProp:
      return RmsPropStep(config, Decayed(std::move(slot), numbers), numbers);
  }
  TORCH_CHECK(false, "unknown optimizer");
}

}  // namespace

Tensors InitialMoments(OptimizerKind kind, const Tensors& weights) {
  Tensors moments;
  for (int64_t i = 0; i < MomentKinds(kind); ++i) {
    for (const torch::Tensor& weight : weights) {
      moments.push_back(torch::zeros_like(weight.detach()));
    }
  }
  return moments;
}

OptimizerState UpdateOf(const OptimizerConfig& config,
                        const OptimizerState& state, const Tensors& gradient,
                        const OptimizerNumbers& numbers, int64_t count) {
  const size_t size = state.weights.size();
  OptimizerState next = {.weights = Tensors(size),
                         .moments = Tensors(state.moments.size())};
  const bool two = MomentKinds(config.kind) == 2;
  for (size_t i = 0; i < size; ++i) {
    const Slot slot =
        StepOf(config,
               {.weight = state.weights[i],
                .gradient = gradient[i],
                .first = state.moments[i],
                .second = two ? state.moments[size + i] : torch::Tensor()},
               numbers, count);
    next.weights[i] = slot.weight;
    next.moments[i] = slot.first;
    if (two) next.moments[size + i] = slot.second;
  }
  return next;
}

}  // namespace assay
