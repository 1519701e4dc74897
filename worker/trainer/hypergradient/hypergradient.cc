#include "worker/trainer/hypergradient/hypergradient.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "worker/trainer/hypergradient/curvature.h"
#include "worker/trainer/hypergradient/linear_solver.h"

namespace assay {
namespace {

constexpr int kPowerIterations = 20;
// Power iterations come from below: beyond twice the true inverse the series
// diverges, so keep some distance.
constexpr double kRateMargin = 0.9;

struct SplitGradient {
  Tensors values;
  std::optional<double> residual;
};

Result<LinearSolution> Solve(const Curvature& curvature, const Tensors& slope,
                             const HypergradientOptions& options) {
  const SymmetricMatrix matrix = [&curvature](const Tensors& direction) {
    return curvature.Times(direction);
  };
  const int terms = static_cast<int>(options.terms);
  if (options.method == HypergradientMethod::kIftCg) {
    return ConjugateGradient(matrix, slope, terms, options.tolerance);
  }
  const double largest = curvature.LargestEigenvalue(kPowerIterations);
  if (!(largest > 0)) return Failure("the curvature is 0 or not finite");
  return NeumannSeries(matrix, slope, kRateMargin / largest, terms,
                       options.tolerance);
}

Result<SplitGradient> ImplicitGradient(const ProblemSplit& split,
                                       const Tensors& hyper,
                                       const HypergradientOptions& options) {
  const Tensors& weights = split.path.start.weights;
  const Curvature curvature(split.problem, weights, hyper, options.curvature,
                            options.damping);
  const Tensors slope = split.problem.metric_gradient(weights);
  TRAINER_ASSIGN_OR_RETURN(const LinearSolution solution,
                           Solve(curvature, slope, options));
  return SplitGradient{.values = Times(curvature.Mixed(solution.x), -1),
                       .residual = solution.residual};
}

Result<SplitGradient> Reversed(const ProblemSplit& split,
                               const Tensors& hyper) {
  TRAINER_ASSIGN_OR_RETURN(UnrolledGradient gradient,
                           ReverseGradient(split.problem, split.path, hyper));
  return SplitGradient{.values = std::move(gradient.values),
                       .residual = gradient.remainder};
}

TrainingPath OneStepOfDescent(const TrainingPath& path, double rate) {
  return {.start = {.weights = path.start.weights, .moments = {}},
          .steps = 1,
          .update = [rate](const OptimizerState& state, const Tensors& gradient,
                           const Tensors&, int64_t) {
            OptimizerState next = state;
            for (size_t i = 0; i < gradient.size(); ++i) {
              next.weights[i] = state.weights[i] - rate * gradient[i];
            }
            return next;
          }};
}

Result<SplitGradient> SplitGradientOf(const ProblemSplit& split,
                                      const Tensors& hyper,
                                      const HypergradientOptions& options) {
  switch (options.method) {
    case HypergradientMethod::kIftNeumann:
    case HypergradientMethod::kIftCg:
      return ImplicitGradient(split, hyper, options);
    case HypergradientMethod::kTruncated:
      return Reversed(split, hyper);
    case HypergradientMethod::kForward: {
      TRAINER_ASSIGN_OR_RETURN(
          Tensors values, ForwardGradient(split.problem, split.path, hyper));
      return SplitGradient{.values = std::move(values),
                           .residual = std::nullopt};
    }
    case HypergradientMethod::kOneStep:
      return Reversed(
          {.problem = split.problem,
           .path = OneStepOfDescent(split.path, options.descent_rate)},
          hyper);
    case HypergradientMethod::kNone:
      break;
  }
  TORCH_CHECK(false, "no method");
}

bool IsMeaningful(const SplitGradient& gradient) {
  return AllFinite(gradient.values) &&
         std::isfinite(gradient.residual.value_or(0));
}

Tensors MeanOf(const std::vector<SplitGradient>& gradients) {
  Tensors sum = ZerosLike(gradients.front().values);
  for (const SplitGradient& gradient : gradients) {
    sum = Plus(sum, gradient.values);
  }
  return Times(sum, 1 / static_cast<double>(gradients.size()));
}

Tensors DeviationOf(const std::vector<SplitGradient>& gradients,
                    const Tensors& mean) {
  const auto count = static_cast<double>(gradients.size());
  Tensors squares = ZerosLike(mean);
  for (const SplitGradient& gradient : gradients) {
    const Tensors away = Plus(gradient.values, mean, -1);
    for (size_t i = 0; i < away.size(); ++i) squares[i] += away[i] * away[i];
  }
  for (torch::Tensor& square : squares) {
    square = (square / (count * (count - 1))).sqrt();
  }
  return squares;
}

std::optional<double> MeanResidual(
    const std::vector<SplitGradient>& gradients) {
  double sum = 0;
  for (const SplitGradient& gradient : gradients) {
    if (!gradient.residual.has_value()) return std::nullopt;
    sum += *gradient.residual;
  }
  return sum / static_cast<double>(gradients.size());
}

}  // namespace

Result<Hypergradient> ComputeHypergradient(
    const std::function<ProblemSplit(int64_t)>& split, int64_t splits,
    const Tensors& hyper, const HypergradientOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<SplitGradient> gradients;
  for (int64_t i = 0; i < splits; ++i) {
    TRAINER_ASSIGN_OR_RETURN(SplitGradient gradient,
                             SplitGradientOf(split(i), hyper, options));
    if (!IsMeaningful(gradient)) return Failure("a number is not finite");
    gradients.push_back(std::move(gradient));
  }
  Hypergradient result;
  result.values = MeanOf(gradients);
  result.deviations = DeviationOf(gradients, result.values);
  result.residual = MeanResidual(gradients);
  result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  return result;
}

}  // namespace assay
