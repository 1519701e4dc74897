#include "tests/worker/trainer/hypergradient/toy_problem.h"

#include <utility>

#include "gtest/gtest.h"
#include "worker/trainer/hypergradient/curvature.h"
#include "worker/trainer/hypergradient/functional_network.h"
#include "worker/trainer/hypergradient/linear_solver.h"
#include "worker/trainer/loss.h"
#include "worker/trainer/models/model.h"

namespace assay {
namespace {

constexpr int64_t kClasses = 3;
constexpr size_t kProblemNumbers = 5;

LabelledPart Clouds(int64_t examples, const std::vector<int64_t>& shape,
                    const torch::Tensor& centers) {
  const torch::Tensor labels = torch::arange(examples) % kClasses;
  std::vector<int64_t> extents = {examples};
  extents.insert(extents.end(), shape.begin(), shape.end());
  const torch::Tensor inputs =
      torch::randn({examples, centers.size(1)}, torch::kDouble) +
      centers.index_select(0, labels);
  return {.inputs = inputs.view(extents), .labels = labels};
}

LabelledPart Slice(const LabelledPart& part, int64_t index, int64_t count) {
  return {.inputs = part.inputs.slice(0, index, c10::nullopt, count),
          .labels = part.labels.slice(0, index, c10::nullopt, count)};
}

torch::Tensor Penalty(const Tensors& weights, const Tensors& hyper) {
  torch::Tensor squares = torch::zeros({}, torch::kDouble);
  torch::Tensor sizes = torch::zeros({}, torch::kDouble);
  for (const torch::Tensor& weight : weights) {
    squares = squares + weight.square().sum();
    sizes = sizes + weight.abs().sum();
  }
  return hyper[0] / 2 * squares + hyper[1] * sizes +
         (hyper[4].exp() * weights[0].square()).sum() / 2;
}

}  // namespace

BilevelProblem ToyProblem::Problem() const {
  BilevelProblem problem;
  problem.batches = batches;
  problem.outputs = [self = *this](const Tensors& weights, const Tensors&,
                                   int64_t batch) {
    return OutputsWith(self.network, weights,
                       Slice(self.train, batch, self.batches).inputs,
                       NetworkMode::kTraining);
  };
  problem.loss = [self = *this](const torch::Tensor& outputs,
                                const Tensors& values, int64_t batch) {
    const torch::Tensor labels = Slice(self.train, batch, self.batches).labels;
    return WeightedMean(
        ExampleLosses(LossKind::kCrossEntropy, outputs, labels, values[2]),
        values[3].index_select(0, labels));
  };
  problem.penalty = Penalty;
  problem.metric_gradient = [self = *this](const Tensors& weights) {
    const Tensors leaves = LeavesOf(weights);
    const torch::Tensor outputs = OutputsWith(
        self.network, leaves, self.validation.inputs, NetworkMode::kEvaluation);
    return Derivative(
        {LossOf(LossKind::kCrossEntropy, outputs, self.validation.labels)},
        leaves, {}, Graph::kFreed);
  };
  return problem;
}

double ToyProblem::Metric(const Tensors& weights) const {
  const torch::NoGradGuard no_gradient;
  const torch::Tensor outputs = OutputsWith(network, weights, validation.inputs,
                                            NetworkMode::kEvaluation);
  return LossOf(LossKind::kCrossEntropy, outputs, validation.labels)
      .item<double>();
}

Tensors ToyProblem::Weights() const {
  Tensors weights;
  for (const torch::Tensor& weight : network->parameters()) {
    weights.push_back(weight.detach().clone());
  }
  return weights;
}

ToyProblem MakeToyProblem(const ModelConfig& model,
                          std::vector<int64_t> shape) {
  torch::manual_seed(7);
  int64_t features = 1;
  for (const int64_t extent : shape) features *= extent;
  ToyProblem toy;
  toy.network = MakeModel(model, shape, kClasses);
  toy.network->to(torch::kDouble);
  const torch::Tensor centers =
      torch::randn({kClasses, features}, torch::kDouble);
  toy.train = Clouds(48, shape, centers);
  toy.validation = Clouds(30, shape, centers);
  const auto scalar = [](double value) {
    return torch::scalar_tensor(value, torch::kDouble);
  };
  toy.hyper = {scalar(0.05), scalar(0.003), scalar(0.1),
               torch::tensor({1.0, 0.7, 1.4}, torch::kDouble),
               torch::randn_like(toy.Weights()[0]) - 3};
  return toy;
}

Tensors WithOptimizerNumbers(const OptimizerConfig& config, Tensors hyper) {
  const bool adam = config.kind == OptimizerKind::kAdam ||
                    config.kind == OptimizerKind::kAdamW;
  for (const double value :
       {config.learning_rate, adam ? config.beta1 : config.momentum,
        adam ? config.beta2 : config.alpha, config.weight_decay}) {
    hyper.push_back(torch::scalar_tensor(value, torch::kDouble));
  }
  return hyper;
}

TrainingPath PathOf(const OptimizerConfig& config, const Tensors& weights,
                    int64_t steps) {
  return {
      .start = {.weights = weights,
                .moments = InitialMoments(config.kind, weights)},
      .steps = steps,
      .update = [config](const OptimizerState& state, const Tensors& gradient,
                         const Tensors& hyper, int64_t step) {
        const size_t at = kProblemNumbers;
        const OptimizerNumbers numbers = {.learning_rate = hyper[at],
                                          .momentum = hyper[at + 1],
                                          .beta1 = hyper[at + 1],
                                          .beta2 = hyper[at + 2],
                                          .alpha = hyper[at + 2],
                                          .weight_decay = hyper[at + 3]};
        return UpdateOf(config, state, gradient, numbers, step + 1);
      }};
}

Tensors FiniteDifferences(const std::function<double(const Tensors&)>& value,
                          const Tensors& at, double step) {
  Tensors slopes = ZerosLike(at);
  for (size_t i = 0; i < at.size(); ++i) {
    for (int64_t element = 0; element < at[i].numel(); ++element) {
      const auto moved = [&](double by) {
        Tensors point = Plus(at, at, 0);
        point[i].view(-1)[element] += by;
        return value(point);
      };
      slopes[i].view(-1)[element] = (moved(step) - moved(-step)) / (2 * step);
    }
  }
  return slopes;
}

Tensors Solved(const BilevelProblem& problem, Tensors weights,
               const Tensors& hyper) {
  for (int i = 0; i < 50; ++i) {
    const Curvature curvature(problem, weights, hyper, CurvatureKind::kHessian,
                              /*damping=*/0);
    if (NormOf(curvature.Gradient()) < 1e-10) return weights;
    const auto step = ConjugateGradient(
        [&](const Tensors& direction) { return curvature.Times(direction); },
        curvature.Gradient(), /*iterations=*/200, /*tolerance=*/1e-14);
    EXPECT_TRUE(step.ok()) << step.error().message;
    weights = Plus(weights, step->x, -1);
  }
  ADD_FAILURE() << "Newton's method did not converge";
  return weights;
}

double RelativeError(const Tensors& a, const Tensors& b) {
  return NormOf(Plus(a, b, -1)) / NormOf(b);
}

}  // namespace assay
