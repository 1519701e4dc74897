// The penalty of a logistic regression by the gradient of the validation loss
// (HOAG, Pedregosa 2016): one number, so that a grid shows where it should end.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tests/bench/hypergradient/bench_sets.h"
#include "worker/trainer/hypergradient/curvature.h"
#include "worker/trainer/hypergradient/linear_solver.h"
#include "worker/trainer/loss.h"

namespace assay {
namespace {

constexpr double kLowest = -6;  // log10 of the penalty.
constexpr double kHighest = 1;

BilevelProblem PenalizedProblem(const BenchSets& sets) {
  BilevelProblem problem;
  problem.outputs = [sets](const Tensors& weights, const Tensors&, int64_t) {
    return Scores(weights, sets.train.inputs);
  };
  problem.loss = [sets](const torch::Tensor& outputs, const Tensors&, int64_t) {
    return ExampleLosses(LossKind::kCrossEntropy, outputs, sets.train.truth, {})
        .mean();
  };
  problem.penalty = [](const Tensors& weights, const Tensors& hyper) {
    torch::Tensor squares = torch::zeros({}, torch::kDouble);
    for (const torch::Tensor& weight : weights) {
      squares = squares + weight.square().sum();
    }
    return hyper[0].exp() / 2 * squares;
  };
  problem.metric_gradient = LossGradient(sets.validation);
  return problem;
}

double PenalizedLoss(const BilevelProblem& problem, const Tensors& weights,
                     const Tensors& hyper) {
  const torch::NoGradGuard no_gradient;
  return TrainingLossOf(problem, weights, hyper, 0).item<double>();
}

// Newton's method with halved steps, to a gradient of `tolerance`.
Tensors Solve(const BilevelProblem& problem, Tensors weights,
              const Tensors& hyper, double tolerance) {
  for (int i = 0; i < 100; ++i) {
    const Curvature curvature(problem, weights, hyper, CurvatureKind::kHessian,
                              /*damping=*/0);
    if (NormOf(curvature.Gradient()) < tolerance) break;
    const auto step = ConjugateGradient(
        [&](const Tensors& direction) { return curvature.Times(direction); },
        curvature.Gradient(), /*iterations=*/50, /*tolerance=*/1e-3);
    if (!step.ok()) break;
    const double before = PenalizedLoss(problem, weights, hyper);
    double length = 1;
    while (length > 1e-6 &&
           PenalizedLoss(problem, Plus(weights, step->x, -length), hyper) >
               before) {
      length /= 2;
    }
    weights = Plus(weights, step->x, -length);
  }
  return weights;
}

Tensors LogPenalty(double log10_value) {
  return {torch::scalar_tensor(log10_value * std::log(10.0), torch::kDouble)};
}

double ValidationLoss(const Tensors& weights, const BenchSets& sets) {
  const torch::NoGradGuard no_gradient;
  return MeanLoss(weights, sets.validation).item<double>();
}

// The least loss of a grid of 29 penalties.
double BestOfGrid(const BilevelProblem& problem, const Tensors& start,
                  const BenchSets& sets) {
  double best = std::numeric_limits<double>::infinity();
  Tensors weights = start;
  for (double log10_value = kHighest; log10_value >= kLowest - 1e-9;
       log10_value -= 0.25) {
    weights = Solve(problem, weights, LogPenalty(log10_value), 1e-6);
    best = std::min(best, ValidationLoss(weights, sets));
  }
  return best;
}

// Descent in the logarithm. The step grows while the loss falls, else halves
// and goes back; the solver's tolerance falls along (Pedregosa 2016).
void FollowGradient(const BilevelProblem& problem, const Tensors& start,
                    const BenchSets& sets, double from, double goal) {
  double at = from;
  double length = 1;
  double tolerance = 1e-2;
  Tensors weights = Solve(problem, start, LogPenalty(at), tolerance);
  double loss = ValidationLoss(weights, sets);
  int solves = 1;
  int reached = loss <= goal ? 1 : 0;
  while (solves < 30 && reached == 0) {
    const TrainingPath here = {.start = {.weights = weights, .moments = {}},
                               .steps = 0,
                               .update = nullptr};
    const auto gradient = ComputeHypergradient(
        [&](int64_t) {
          return ProblemSplit{problem, here};
        },
        /*splits=*/1, LogPenalty(at),
        {.method = HypergradientMethod::kIftCg,
         .curvature = CurvatureKind::kHessian,
         .terms = 100,
         .tolerance = tolerance});
    if (!gradient.ok()) break;
    const double slope = gradient->values[0].item<double>();
    const double next =
        std::clamp(at - std::copysign(length, slope), kLowest, kHighest);
    tolerance = std::max(1e-6, tolerance / 2);
    const Tensors moved = Solve(problem, weights, LogPenalty(next), tolerance);
    const double moved_loss = ValidationLoss(moved, sets);
    ++solves;
    if (moved_loss < loss) {
      at = next;
      weights = moved;
      loss = moved_loss;
      length *= 1.2;
    } else {
      length /= 2;
    }
    if (loss <= goal) reached = solves;
  }
  std::printf("  from 10^%-5.1f  validation loss %.5f  at 10^%-6.2f  %s %d\n",
              from, loss, at,
              reached > 0 ? "as good as the grid after solves:"
                          : "not as good as the grid, solves:",
              solves);
}

BenchSets InDouble(BenchSets sets) {
  for (Part* part : {&sets.train, &sets.validation, &sets.test}) {
    part->inputs = part->inputs.to(torch::kDouble);
  }
  return sets;
}

}  // namespace

void FindLogisticPenalty(const BenchOptions& options) {
  torch::manual_seed(3);
  const BenchSets sets =
      InDouble(ReadBenchSets(options.data_root, 1000, 1000, 1000));
  const BilevelProblem problem = PenalizedProblem(sets);
  const Tensors start = {torch::zeros({10, 784}, torch::kDouble),
                         torch::zeros({10}, torch::kDouble)};
  const Stopwatch watch;
  const double grid = BestOfGrid(problem, start, sets);
  std::printf(
      "\nLogistic penalty: softmax regression on 1000 images; goal: the best "
      "of "
      "29 penalties, within 0.1 %%, in 15 solves\n"
      "  grid           validation loss %.5f  (%.1f s)\n",
      grid, watch.Seconds());
  for (const double from : {1.0, -1.0, -6.0}) {
    FollowGradient(problem, start, sets, from, grid * 1.001);
  }
}

}  // namespace assay
