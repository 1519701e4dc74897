// One weight decay for each weight, learnt on as many validation images as
// there are training images (Lorraine, Vicol and Duvenaud 2020, 5.1): shows
// that as many hyperparameters as weights can be learnt, and overfit.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "tests/bench/hypergradient/bench_sets.h"
#include "worker/trainer/loss.h"

namespace assay {
namespace {

constexpr int64_t kImages = 50;
constexpr int64_t kHyperstepsAtMost = 200;
constexpr int64_t kStepsBetween = 50;
constexpr int64_t kGridSteps = 40;  // Of kStepsBetween each.
constexpr float kFirstLogDecay = -6;

// 0.5 sum exp(hyper) w^2; the last hyperparameter stands for all that follow.
torch::Tensor Decay(const Tensors& weights, const Tensors& hyper) {
  torch::Tensor sum = torch::zeros({});
  for (size_t i = 0; i < weights.size(); ++i) {
    const torch::Tensor& log_decay = hyper[std::min(i, hyper.size() - 1)];
    sum = sum + (log_decay.exp() * weights[i].square()).sum() / 2;
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
  if (decays == Decays::kOneForAll) return {torch::full({1}, kFirstLogDecay)};
  Tensors hyper;
  for (const torch::Tensor& weight : weights) {
    hyper.push_back(torch::full_like(weight, kFirstLogDecay));
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

void PrintRow(const char* name, int64_t count, double best, double test,
              int64_t step, double seconds, const char* note) {
  std::printf("  %-30s %8lld %10.2f %10.3f %11lld %8.1f  %s\n", name,
              static_cast<long long>(count), best, test,
              static_cast<long long>(step), seconds, note);
}

void LearnFor(const char* name, const std::vector<int64_t>& sizes,
              const BenchSets& sets, Decays decays, std::ostream& curve) {
  const Stopwatch watch;
  const BilevelProblem problem = ProblemWith(sets);
  Tensors weights = InitialWeights(sizes);
  Tensors hyper = InitialDecays(weights, decays);
  HyperAdam adam(/*rate=*/0.3);
  double best = 0;
  int64_t step = 0;
  double test = 0;  // Where validation was best first.
  const char* failure = "";
  for (; step < kHyperstepsAtMost; ++step) {
    weights = Descend(
        [&](const Tensors& at) {
          return MeanLoss(at, sets.train) + Decay(at, hyper);
        },
        weights, kStepsBetween);
    const double accuracy = Accuracy(weights, sets.validation);
    if (accuracy > best) test = Accuracy(weights, sets.test);
    best = std::max(best, accuracy);
    curve << step << ' ' << accuracy << '\n';
    if (best == 1) break;
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
  PrintRow(name, count, best, test, step, watch.Seconds(), failure);
}

// The best of a grid of fixed decays for all weights, each stopped where
// validation is best.
void TryGridFor(const char* name, const std::vector<int64_t>& sizes,
                const BenchSets& sets) {
  const Stopwatch watch;
  double best = 0;
  double test = 0;
  int64_t count = 0;
  for (double log10_decay = -5; log10_decay <= 0.51; log10_decay += 0.5) {
    const Tensors hyper = {torch::full({1}, log10_decay * std::log(10.0))};
    Tensors weights = InitialWeights(sizes);
    for (int64_t step = 0; step < kGridSteps; ++step) {
      weights = Descend(
          [&](const Tensors& at) {
            return MeanLoss(at, sets.train) + Decay(at, hyper);
          },
          weights, kStepsBetween);
      const double accuracy = Accuracy(weights, sets.validation);
      if (accuracy > best) test = Accuracy(weights, sets.test);
      best = std::max(best, accuracy);
    }
    ++count;
  }
  PrintRow(name, count, best, test, 0, watch.Seconds(), "values tried");
}

}  // namespace

void LearnWeightDecays(const BenchOptions& options) {
  torch::manual_seed(2);
  const BenchSets sets =
      ReadBenchSets(options.data_root, kImages, kImages, 1000);
  std::printf(
      "\nWeight decays: 50 training and 50 validation images; ift_cg;\n"
      "published: 100 %% validation accuracy with one decay a weight\n"
      "  %-30s %8s %10s %10s %11s %8s\n",
      "", "decays", "best val", "test there", "hypersteps", "seconds");
  const std::vector<std::pair<const char*, std::vector<int64_t>>> networks = {
      {"linear", {784, 10}}, {"MLP 64", {784, 64, 10}}};
  for (const auto& [network, sizes] : networks) {
    for (const Decays decays : {Decays::kOneEach, Decays::kOneForAll}) {
      const std::string name =
          std::string(network) +
          (decays == Decays::kOneEach ? ", one a weight" : ", one for all");
      std::ofstream curve;  // Without a folder it leads nowhere.
      if (!options.curves.empty()) {
        curve.open(options.curves + "/decays-" +
                   std::to_string(sizes.size() - 1) +
                   (decays == Decays::kOneEach ? "-each" : "-all") + ".dat");
      }
      LearnFor(name.c_str(), sizes, sets, decays, curve);
    }
    TryGridFor((std::string(network) + ", one for all, grid").c_str(), sizes,
               sets);
  }
}

}  // namespace assay
