#include "tests/bench/hypergradient/bench_sets.h"

#include <cmath>
#include <cstdlib>
#include <iostream>

#include "nlohmann/json.hpp"
#include "worker/trainer/data/prepared_data.h"

namespace assay {
namespace {

// A view of nothing that goes away.
Part Owned(const Examples& examples) {
  Part part = ToDevice(examples, {784}, torch::kCPU);
  return {.inputs = part.inputs.clone(), .truth = part.truth.clone()};
}

template <class T>
T OrDie(Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << result.error().message << std::endl;
  std::exit(1);
}

}  // namespace

BenchSets ReadBenchSets(const std::string& data_root, int64_t train,
                        int64_t validation, int64_t test) {
  const nlohmann::json config = {{"data",
                                  {{"train_examples", train},
                                   {"validation_examples", validation},
                                   {"standardize", false}}}};
  const PreparedData data = OrDie(
      PrepareData(OrDie(ReadConfiguration(config, nlohmann::json::object())),
                  data_root, TestPart::kWanted));
  return {.train = Owned(data.train),
          .validation = Owned(data.validation),
          .test = RowsOf(Owned(data.test), torch::arange(test))};
}

Tensors InitialWeights(const std::vector<int64_t>& sizes) {
  Tensors weights;
  for (size_t layer = 0; layer + 1 < sizes.size(); ++layer) {
    const double scale = sizes.size() == 2 ? 0 : std::sqrt(2.0 / sizes[layer]);
    weights.push_back(torch::randn({sizes[layer + 1], sizes[layer]}) * scale);
    weights.push_back(torch::zeros({sizes[layer + 1]}));
  }
  return weights;
}

torch::Tensor Scores(const Tensors& weights, const torch::Tensor& inputs) {
  torch::Tensor x = inputs;
  for (size_t i = 0; i < weights.size(); i += 2) {
    if (i > 0) x = torch::relu(x);
    x = torch::linear(x, weights[i], weights[i + 1]);
  }
  return x;
}

torch::Tensor MeanLoss(const Tensors& weights, const Part& part) {
  return torch::nn::functional::cross_entropy(Scores(weights, part.inputs),
                                              part.truth);
}

double Accuracy(const Tensors& weights, const Part& part) {
  const torch::NoGradGuard no_gradient;
  return (Scores(weights, part.inputs).argmax(1) == part.truth)
      .to(torch::kDouble)
      .mean()
      .item<double>();
}

std::function<Tensors(const Tensors&)> LossGradient(const Part& part) {
  return [part](const Tensors& weights) {
    const Tensors leaves = LeavesOf(weights);
    return Derivative({MeanLoss(leaves, part)}, leaves, {}, Graph::kFreed);
  };
}

Part Joined(const Part& a, const Part& b) {
  return {.inputs = torch::cat({a.inputs, b.inputs}),
          .truth = torch::cat({a.truth, b.truth})};
}

Tensors Descend(const std::function<torch::Tensor(const Tensors&)>& loss,
                Tensors weights, int64_t steps) {
  Tensors velocity = ZerosLike(weights);
  for (int64_t step = 0; step < steps; ++step) {
    const Tensors leaves = LeavesOf(weights);
    velocity = Plus(Derivative({loss(leaves)}, leaves, {}, Graph::kFreed),
                    velocity, kMomentum);
    weights = Plus(weights, velocity, -kRate);
  }
  return weights;
}

Tensors HyperAdam::Step(const Tensors& hyper, const Tensors& gradient) {
  const OptimizerConfig config = {.kind = OptimizerKind::kAdam,
                                  .epsilon = 1e-12};
  if (count_ == 0) state_.moments = InitialMoments(config.kind, hyper);
  state_.weights = hyper;
  const auto scalar = [](double value) { return torch::scalar_tensor(value); };
  state_ = UpdateOf(config, state_, gradient,
                    {.learning_rate = scalar(rate_),
                     .momentum = {},
                     .beta1 = scalar(0.5),
                     .beta2 = scalar(0.999),
                     .alpha = {},
                     .weight_decay = scalar(0)},
                    ++count_);
  return state_.weights;
}

}  // namespace assay
