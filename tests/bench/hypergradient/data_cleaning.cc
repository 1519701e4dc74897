// Data hyper-cleaning (Franceschi 2017, 2018): half of the training labels are
// wrong; one weight for each training example, learnt by the validation loss,
// tells which. A wrong label is always another one than the true one.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "tests/bench/hypergradient/bench_sets.h"
#include "worker/trainer/choice_names.h"
#include "worker/trainer/loss.h"

namespace assay {
namespace {

constexpr int64_t kClasses = 10;
constexpr int64_t kHypersteps = 100;
constexpr int64_t kInnerSteps = 20;
constexpr int64_t kFinalSteps = 600;
constexpr double kPenalty = 0.01;

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

torch::Tensor Penalty(const Tensors& weights, double l2) {
  return l2 / 2 * weights[0].square().sum();
}

BilevelProblem ProblemOf(const BenchSets& sets, double l2) {
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
  problem.penalty = [l2](const Tensors& weights, const Tensors&) {
    return Penalty(weights, l2);
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

// How well `kept` finds the wrong labels.
double F1(const torch::Tensor& kept, const torch::Tensor& clean) {
  const auto count = [](const torch::Tensor& mask) {
    return mask.sum().item<double>();
  };
  const double hits = count(~kept & ~clean);
  return 2 * hits / (count(~kept) + count(~clean));
}

torch::Tensor KeptBy(const Tensors& hyper) { return hyper[0] > 0; }

// The logits of the examples' weights. `curve` gets seconds and F1 of each
// step.
Tensors LearnWeights(const Cleaning& cleaning, HypergradientMethod method,
                     double l2, std::ostream& curve) {
  const Stopwatch watch;
  const BenchSets& sets = cleaning.sets;
  const BilevelProblem problem = ProblemOf(sets, l2);
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
    curve << watch.Seconds() << ' ' << F1(KeptBy(hyper), cleaning.clean)
          << '\n';
  }
  return hyper;
}

double TestAccuracy(const Part& part, const Part& test, double l2) {
  const Tensors weights = Descend(
      [&](const Tensors& at) { return MeanLoss(at, part) + Penalty(at, l2); },
      InitialWeights({784, kClasses}), kFinalSteps);
  return Accuracy(weights, test);
}

Part Kept(const Part& part, const torch::Tensor& mask) {
  return RowsOf(part, mask.nonzero().squeeze(1));
}

void PrintRow(const char* name, const char* published, double f1,
              double accuracy, double seconds) {
  std::printf("  %-34s %-14s %6.3f %9.4f %8.1f\n", name, published, f1,
              accuracy, seconds);
}

void PrintLearnt(const char* name, const Cleaning& cleaning,
                 HypergradientMethod method, double l2,
                 const BenchOptions& options) {
  std::ofstream curve;  // Without a folder it leads nowhere.
  if (!options.curves.empty()) {
    curve.open(options.curves + "/cleaning-" +
               NameOf(kHypergradientNames, method) +
               (l2 > 0 ? "-penalty.dat" : ".dat"));
  }
  const Stopwatch watch;
  const torch::Tensor kept = KeptBy(LearnWeights(cleaning, method, l2, curve));
  const double seconds = watch.Seconds();
  const BenchSets& sets = cleaning.sets;
  PrintRow(name, ".914-.924", F1(kept, cleaning.clean),
           TestAccuracy(Joined(Kept(sets.train, kept), sets.validation),
                        sets.test, l2),
           seconds);
}

// What holds for all examples: descent for so many steps, with this penalty,
// the training examples weighted so against those of the validation part.
struct GlobalChoice {
  double penalty = 0;
  double train_weight = 1;
  int64_t steps = kFinalSteps;
};

GlobalChoice DrawChoice() {
  const auto uniform = [] { return torch::rand({}).item<double>(); };
  return {.penalty = std::pow(10, -5 + 5 * uniform()),
          .train_weight = std::pow(10, -3 + 3 * uniform()),
          .steps = torch::randint(10, kFinalSteps + 1, {1}).item<int64_t>()};
}

double AccuracyWith(const GlobalChoice& choice, const Part& train,
                    const Part& trusted, const Part& judge) {
  const double share =
      choice.train_weight * static_cast<double>(train.size()) /
      (choice.train_weight * static_cast<double>(train.size()) +
       static_cast<double>(trusted.size()));
  const Tensors weights = Descend(
      [&](const Tensors& at) {
        return share * MeanLoss(at, train) +
               (1 - share) * MeanLoss(at, trusted) +
               choice.penalty / 2 * at[0].square().sum();
      },
      InitialWeights({784, kClasses}), choice.steps);
  return Accuracy(weights, judge);
}

Part Half(const Part& part, int64_t which) {
  return RowsOf(part, torch::arange(which, part.size(), 2));
}

// The same seconds on choices for all examples, drawn at random; one half of
// the validation part is trained on, the other judges.
void PrintTuned(const BenchSets& sets, double seconds) {
  const Stopwatch watch;
  const Part trusted = Half(sets.validation, 0);
  const Part judge = Half(sets.validation, 1);
  double best = 0;
  GlobalChoice chosen;
  int64_t tries = 0;
  while (watch.Seconds() < seconds) {
    const GlobalChoice choice = DrawChoice();
    const double accuracy = AccuracyWith(choice, sets.train, trusted, judge);
    ++tries;
    if (accuracy <= best) continue;
    best = accuracy;
    chosen = choice;
  }
  const double spent = watch.Seconds();
  const double accuracy =
      AccuracyWith(chosen, sets.train, sets.validation, sets.test);
  std::printf(
      "  %-34s %-14s %6s %9.4f %8.1f  (%lld tries: l2 %.2g, weight %.2g, "
      "%lld steps)\n",
      "all, tuned globally", "", "", accuracy, spent,
      static_cast<long long>(tries), chosen.penalty, chosen.train_weight,
      static_cast<long long>(chosen.steps));
}

}  // namespace

void CleanData(const BenchOptions& options) {
  torch::manual_seed(1);
  const BenchSets original = ReadBenchSets(options.data_root, 3000, 3000, 4000);
  const Cleaning cleaning = Spoil(original);
  const BenchSets& sets = cleaning.sets;
  std::printf(
      "Data cleaning: softmax regression, 3000/3000/4000 of Fashion-MNIST,\n"
      "half of the training labels wrong, %lld hypersteps of %lld steps\n"
      "  %-34s %-14s %6s %9s %8s\n",
      static_cast<long long>(kHypersteps), static_cast<long long>(kInnerSteps),
      "", "published F1", "F1", "test acc", "seconds");
  double seconds = 0;  // Of the longest.
  for (const double l2 : {0.0, kPenalty}) {
    std::printf(l2 > 0 ? "  with l2 %.3g:\n" : "  without a penalty:\n", l2);
    const auto print = [&](const char* name, double f1, const Part& part) {
      PrintRow(name, "", f1, TestAccuracy(part, sets.test, l2), 0);
    };
    print("oracle: clean examples", 1,
          Joined(Kept(sets.train, cleaning.clean), sets.validation));
    print("all examples", 0, Joined(sets.train, sets.validation));
    print("validation part alone", 0, sets.validation);
    const Stopwatch watch;
    PrintLearnt("truncated, 20 steps", cleaning,
                HypergradientMethod::kTruncated, l2, options);
    seconds = std::max(seconds, watch.Seconds());
    PrintLearnt("ift_cg, 20 iterations", cleaning, HypergradientMethod::kIftCg,
                l2, options);
    PrintLearnt("ift_neumann, 20 terms", cleaning,
                HypergradientMethod::kIftNeumann, l2, options);
  }
  PrintTuned(sets, seconds);
}

}  // namespace assay
