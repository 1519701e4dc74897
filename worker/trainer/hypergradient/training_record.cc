#include "worker/trainer/hypergradient/training_record.h"

#include <sstream>
#include <string>
#include <type_traits>
#include <utility>

namespace assay {
namespace {

// Under what an optimizer keeps the state of a weight: its address, before
// LibTorch 2 as a text.
template <class Key>
Key KeyOf(const torch::Tensor& weight) {
  if constexpr (std::is_same_v<Key, std::string>) {
    std::ostringstream text;
    text << weight.unsafeGetTensorImpl();
    return text.str();
  } else {
    return weight.unsafeGetTensorImpl();
  }
}

// What Torch keeps of one weight, or nullptr before the first step.
template <class State>
const State* StateOf(const torch::optim::Optimizer& optimizer,
                     const torch::Tensor& weight) {
  const auto& states = optimizer.state();
  using Key = typename std::decay_t<decltype(states)>::key_type;
  const auto found = states.find(KeyOf<Key>(weight));
  if (found == states.end()) return nullptr;
  return static_cast<const State*>(found->second.get());
}

torch::Tensor CopyOr(const torch::Tensor& moment, const torch::Tensor& weight) {
  return moment.defined() ? moment.detach().clone()
                          : torch::zeros_like(weight.detach());
}

// Both moments of one weight, and how many steps they have seen.
struct Moments {
  torch::Tensor first;
  torch::Tensor second;
  int64_t steps = 0;
};

template <class State>
Moments AdamMoments(const State* state) {
  if (state == nullptr) return {};
  return {.first = state->exp_avg(),
          .second = state->exp_avg_sq(),
          .steps = state->step()};
}

Moments MomentsOf(OptimizerKind kind, const torch::optim::Optimizer& optimizer,
                  const torch::Tensor& weight) {
  namespace optim = torch::optim;
  switch (kind) {
    case OptimizerKind::kSgd: {
      const auto* state = StateOf<optim::SGDParamState>(optimizer, weight);
      if (state == nullptr) return {};
      return {.first = state->momentum_buffer(), .second = {}};
    }
    case OptimizerKind::kAdam:
      return AdamMoments(StateOf<optim::AdamParamState>(optimizer, weight));
    case OptimizerKind::kAdamW:
      return AdamMoments(StateOf<optim::AdamWParamState>(optimizer, weight));
    case OptimizerKind::kRmsProp: {
      const auto* state = StateOf<optim::RMSpropParamState>(optimizer, weight);
      if (state == nullptr) return {};
      return {.first = state->square_avg(), .second = state->momentum_buffer()};
    }
  }
  TORCH_CHECK(false, "unknown optimizer");
}

}  // namespace

TrainingRecord RecordFrom(OptimizerKind kind,
                          const torch::optim::Optimizer& optimizer) {
  TrainingRecord record;
  Tensors second;
  for (const torch::Tensor& weight : optimizer.param_groups()[0].params()) {
    const Moments moments = MomentsOf(kind, optimizer, weight);
    record.start.weights.push_back(weight.detach().clone());
    record.start.moments.push_back(CopyOr(moments.first, weight));
    second.push_back(CopyOr(moments.second, weight));
    record.steps_before = moments.steps;
  }
  if (kind == OptimizerKind::kSgd) return record;
  record.start.moments.insert(record.start.moments.end(), second.begin(),
                              second.end());
  return record;
}

}  // namespace assay
