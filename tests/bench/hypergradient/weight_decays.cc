// One weight decay for each weight, learnt on as many validation images as
// there are training images (Lorraine, Vicol and Duvenaud 2020, 5.1): shows
// that as many hyperparameters as weights can be learnt, and overfit.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tests/bench/hypergradient/bench_sets.h"
#include "worker/trainer/loss.h"

namespace assay {
namespace {

constexpr int64_t kImages = 50;
constexpr int64_t kHyperstepsAtMost = 200;
constexpr int64_t kStepsBetween = 50;

// 0.5 sum exp(hyper) w^2; one hyperparameter stands for all of its tensor.
torch::Tensor Decay(const Tensors& weights, const Tensors& hyper) {
  torch::Tensor sum = torch::zeros({});
  for (size_t i = 0; i < weights.size(); ++i) {
    sum = sum + (hyper[i].exp() * weights[i].square()).sum() / 2;
  }
  return sum;
}

BilevelProblem ProblemWith(const BenchSets& sets) {
  BilevelProblem problem;
  problem.outputs = [sets](const Tensors& weights, const Tensors&, int64_t) {
    return Scores(weights, sets.train.inputs);
  };
  problem.loss = [sets](const torch::Tensor& outputs, const Tensors&, int64_t) {
    return ExampleLosses(LossKind::kCrossEntropy, outputs, sets.train.truth, {})
        .mean();
  };
  problem.penalty = Decay;
  problem.metric_gradient = LossGradient(sets.validation);
  return problem;
}

enum class Decays { kOneEach, kOneForAll };

Tensors InitialDecays(const Tensors& weights, Decays decays) {
  Tensors hyper;
  for (const torch::Tensor& weight : weights) {
    hyper.push_back(decays == Decays::kOneEach ? torch::full_like(weight, -6)
                                               : torch::full({1}, -6.0F));
  }
  return hyper;
}

// Decay beyond 1 / (4 rate) makes descent itself unstable.
Tensors Bounded(Tensors hyper) {
  for (torch::Tensor& piece : hyper) {
    piece = piece.clamp_max(std::log(1 / (4 * kRate)));
  }
  return hyper;
}

void LearnFor(const char* name, const std::vector<int64_t>& sizes,
              const BenchSets& sets, Decays decays) {
  const Stopwatch watch;
  const BilevelProblem problem = ProblemWith(sets);
  Tensors weights = InitialWeights(sizes);
  Tensors hyper = InitialDecays(weights, decays);
  HyperAdam adam(/*rate=*/0.3);
  double best = 0;
  int64_t step = 0;
  const char* failure = "";
  for (; step < kHyperstepsAtMost && best < 1; ++step) {
    weights = Descend(
        [&](const Tensors& at) {
          return MeanLoss(at, sets.train) + Decay(at, hyper);
        },
        weights, kStepsBetween);
    best = std::max(best, Accuracy(weights, sets.validation));
    const TrainingPath here = {.start = {.weights = weights, .moments = {}},
                               .steps = 0,
                               .update = nullptr};
    const auto gradient = ComputeHypergradient(
        [&](int64_t) {
          return ProblemSplit{problem, here};
        },
        /*splits=*/1, hyper,
        {.method = HypergradientMethod::kIftCg, .damping = 1e-3, .terms = 20});
    if (!gradient.ok()) {
      failure = "no gradient";
      break;
    }
    hyper = Bounded(adam.Step(hyper, gradient->values));
  }
  int64_t count = 0;
  for (const torch::Tensor& piece : hyper) count += piece.numel();
  std::printf("  %-28s %8lld %10.2f %11lld %8.1f  %s\n", name,
              static_cast<long long>(count), best, static_cast<long long>(step),
              watch.Seconds(), failure);
}

}  // namespace

void LearnWeightDecays(const std::string& data_root) {
  torch::manual_seed(2);
  const BenchSets sets = ReadBenchSets(data_root, kImages, kImages, 1000);
  std::printf(
      "\nWeight decays: 50 training and 50 validation images; ift_cg;\n"
      "published: 100 %% validation accuracy with one decay a weight\n"
      "  %-28s %8s %10s %11s %8s\n",
      "", "decays", "best val", "hypersteps", "seconds");
  LearnFor("linear, one decay a weight", {784, 10}, sets, Decays::kOneEach);
  LearnFor("linear, one decay a tensor", {784, 10}, sets, Decays::kOneForAll);
  LearnFor("MLP 64, one decay a weight", {784, 64, 10}, sets, Decays::kOneEach);
  LearnFor("MLP 64, one decay a tensor", {784, 64, 10}, sets,
           Decays::kOneForAll);
}

}  // namespace assay
