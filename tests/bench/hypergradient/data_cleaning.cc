// Data hyper-cleaning (Franceschi 2017, 2018): half of the training labels are
// wrong; one weight for each training example, learnt by the validation loss,
// tells which.

#include <cmath>
#include <cstdio>

#include "tests/bench/hypergradient/bench_sets.h"
#include "worker/trainer/loss.h"

namespace assay {
namespace {

constexpr int64_t kClasses = 10;
constexpr int64_t kHypersteps = 100;
constexpr int64_t kInnerSteps = 20;
constexpr int64_t kFinalSteps = 600;

struct Cleaning {
  BenchSets sets;       // With the wrong labels.
  torch::Tensor clean;  // [train], of bool.
};

Cleaning Spoil(BenchSets sets) {
  Cleaning cleaning = {.sets = std::move(sets), .clean = {}};
  torch::Tensor& labels = cleaning.sets.train.truth;
  const torch::Tensor shift =
      torch::randint(1, kClasses, {labels.size(0)}, torch::kInt64);
  cleaning.clean =
      torch::randperm(labels.size(0)) < (labels.size(0) - labels.size(0) / 2);
  labels = torch::where(cleaning.clean, labels, (labels + shift) % kClasses);
  return cleaning;
}

BilevelProblem ProblemOf(const BenchSets& sets) {
  BilevelProblem problem;
  problem.outputs = [sets](const Tensors& weights, const Tensors&, int64_t) {
    return Scores(weights, sets.train.inputs);
  };
  problem.loss = [sets](const torch::Tensor& outputs, const Tensors& hyper,
                        int64_t) {
    return (hyper[0].sigmoid() * ExampleLosses(LossKind::kCrossEntropy, outputs,
                                               sets.train.truth, {}))
        .mean();
  };
  problem.penalty = [](const Tensors&, const Tensors&) {
    return torch::zeros({});
  };
  problem.metric_gradient = LossGradient(sets.validation);
  return problem;
}

TrainingPath InnerSteps(OptimizerState start) {
  const OptimizerConfig config = {.kind = OptimizerKind::kSgd};
  return {.start = std::move(start),
          .steps = kInnerSteps,
          .update = [config](const OptimizerState& state,
                             const Tensors& gradient, const Tensors&, int64_t) {
            const auto scalar = [](double value) {
              return torch::scalar_tensor(value);
            };
            return UpdateOf(config, state, gradient,
                            {.learning_rate = scalar(kRate),
                             .momentum = scalar(kMomentum),
                             .beta1 = {},
                             .beta2 = {},
                             .alpha = {},
                             .weight_decay = scalar(0)},
                            /*count=*/1);
          }};
}

// The logits of the examples' weights.
Tensors LearnWeights(const BenchSets& sets, HypergradientMethod method) {
  const BilevelProblem problem = ProblemOf(sets);
  Tensors hyper = {torch::zeros({sets.train.size()})};
  HyperAdam adam(/*rate=*/0.3);
  const Tensors weights = InitialWeights({784, kClasses});
  TrainingPath path =
      InnerSteps({.weights = weights,
                  .moments = InitialMoments(OptimizerKind::kSgd, weights)});
  for (int64_t step = 0; step < kHypersteps; ++step) {
    const OptimizerState end = EndOf(problem, path, hyper);
    if (method != HypergradientMethod::kTruncated) path.start = end;
    const auto gradient = ComputeHypergradient(
        [&](int64_t) {
          return ProblemSplit{problem, path};
        },
        /*splits=*/1, hyper,
        {.method = method, .damping = 1e-3, .terms = kInnerSteps});
    path.start = end;
    if (!gradient.ok()) {
      std::printf("  no gradient: %s\n", gradient.error().message.c_str());
      return hyper;
    }
    hyper = adam.Step(hyper, gradient->values);
  }
  return hyper;
}

double TestAccuracy(const Part& part, const Part& test, double penalty = 0,
                    int64_t steps = kFinalSteps) {
  const Tensors weights = Descend(
      [&](const Tensors& at) {
        return MeanLoss(at, part) + penalty / 2 * at[0].square().sum();
      },
      InitialWeights({784, kClasses}), steps);
  return Accuracy(weights, test);
}

Part Kept(const Part& part, const torch::Tensor& mask) {
  return RowsOf(part, mask.nonzero().squeeze(1));
}

// How well `kept` finds the wrong labels.
double F1(const torch::Tensor& kept, const torch::Tensor& clean) {
  const auto count = [](const torch::Tensor& mask) {
    return mask.sum().item<double>();
  };
  const double hits = count(~kept & ~clean);
  return 2 * hits / (count(~kept) + count(~clean));
}

void PrintRow(const char* name, const char* published, double f1,
              double accuracy, double seconds) {
  std::printf("  %-34s %-14s %6.3f %9.4f %8.1f\n", name, published, f1,
              accuracy, seconds);
}

void PrintLearnt(const char* name, const Cleaning& cleaning,
                 HypergradientMethod method) {
  const Stopwatch watch;
  const Tensors hyper = LearnWeights(cleaning.sets, method);
  const double seconds = watch.Seconds();
  const torch::Tensor kept = hyper[0] > 0;
  const BenchSets& sets = cleaning.sets;
  PrintRow(
      name, ".914-.924", F1(kept, cleaning.clean),
      TestAccuracy(Joined(Kept(sets.train, kept), sets.validation), sets.test),
      seconds);
}

// The same seconds on one penalty and one number of steps for all examples,
// drawn at random and judged by the validation part.
void PrintTuned(const BenchSets& sets, double seconds) {
  const Stopwatch watch;
  double best = 0;
  double penalty = 0;
  int64_t steps = 0;
  int64_t tries = 0;
  while (watch.Seconds() < seconds) {
    const double l2 = std::pow(10, -5 + 5 * torch::rand({}).item<double>());
    const int64_t length = torch::randint(10, 601, {1}).item<int64_t>();
    const double accuracy =
        TestAccuracy(sets.train, sets.validation, l2, length);
    ++tries;
    if (accuracy <= best) continue;
    best = accuracy;
    penalty = l2;
    steps = length;
  }
  const double accuracy = TestAccuracy(Joined(sets.train, sets.validation),
                                       sets.test, penalty, steps);
  std::printf(
      "  %-34s %-14s %6s %9.4f %8.1f  (%lld tries: l2 %.2g, %lld "
      "steps)\n",
      "all, tuned penalty and steps", "", "", accuracy, seconds,
      static_cast<long long>(tries), penalty, static_cast<long long>(steps));
}

}  // namespace

void CleanData(const std::string& data_root) {
  torch::manual_seed(1);
  const BenchSets original = ReadBenchSets(data_root, 3000, 3000, 4000);
  const Cleaning cleaning = Spoil(original);
  const BenchSets& sets = cleaning.sets;
  std::printf(
      "Data cleaning: softmax regression, 3000/3000/4000 of Fashion-MNIST,\n"
      "half of the training labels wrong, %lld hypersteps of %lld steps\n"
      "  %-34s %-14s %6s %9s %8s\n",
      static_cast<long long>(kHypersteps), static_cast<long long>(kInnerSteps),
      "", "published F1", "F1", "test acc", "seconds");
  PrintRow(
      "oracle: clean examples", "", 1,
      TestAccuracy(Joined(Kept(sets.train, cleaning.clean), sets.validation),
                   sets.test),
      0);
  PrintRow("all examples", "", 0,
           TestAccuracy(Joined(sets.train, sets.validation), sets.test), 0);
  PrintRow("validation part alone", "", 0,
           TestAccuracy(sets.validation, sets.test), 0);
  const Stopwatch watch;
  PrintLearnt("truncated, 20 steps", cleaning, HypergradientMethod::kTruncated);
  const double seconds = watch.Seconds();
  PrintLearnt("ift_cg, 20 iterations", cleaning, HypergradientMethod::kIftCg);
  PrintLearnt("ift_neumann, 20 terms", cleaning,
              HypergradientMethod::kIftNeumann);
  PrintTuned(sets, seconds);
}

}  // namespace assay
