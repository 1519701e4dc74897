#include "worker/trainer/hypergradient/unrolled.h"

#include <cmath>
#include <tuple>
#include <utility>

namespace assay {
namespace {

// An adjoint that has grown by so much says nothing but that training is
// chaotic there.
constexpr double kLargestGrowth = 1e6;

Tensors Joined(Tensors head, const Tensors& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

Tensors Piece(const Tensors& all, size_t begin, size_t size) {
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(begin);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}

Tensors Flat(const OptimizerState& state) {
  return Joined(state.weights, state.moments);
}

OptimizerState Detached(const OptimizerState& state) {
  OptimizerState copy = state;
  for (torch::Tensor& piece : copy.weights) piece = piece.detach();
  for (torch::Tensor& piece : copy.moments) piece = piece.detach();
  return copy;
}

OptimizerState LeafState(const OptimizerState& state) {
  return {.weights = LeavesOf(state.weights),
          .moments = LeavesOf(state.moments)};
}

// The step from `state`, whose weights are leaves; `graph` is for what comes
// after it.
OptimizerState StepFrom(const BilevelProblem& problem, const TrainingPath& path,
                        const OptimizerState& state, const Tensors& hyper,
                        int64_t step, Graph graph) {
  const torch::Tensor loss =
      TrainingLossOf(problem, state.weights, hyper, step % problem.batches);
  const Tensors gradient = Derivative({loss}, state.weights, {}, graph);
  return path.update(state, gradient, hyper, step);
}

std::vector<OptimizerState> StatesOf(const BilevelProblem& problem,
                                     const TrainingPath& path,
                                     const Tensors& hyper) {
  std::vector<OptimizerState> states = {Detached(path.start)};
  for (int64_t step = 0; step < path.steps; ++step) {
    const OptimizerState leaves = LeafState(states.back());
    states.push_back(
        Detached(StepFrom(problem, path, leaves, hyper, step, Graph::kFreed)));
  }
  return states;
}

// Tangents live between its construction and its end.
class DualLevel {
 public:
  DualLevel() : level_(torch::autograd::forward_ad::enter_dual_level()) {}
  ~DualLevel() { torch::autograd::forward_ad::exit_dual_level(level_); }
  DualLevel(const DualLevel&) = delete;
  DualLevel& operator=(const DualLevel&) = delete;

  Tensors Make(const Tensors& primals, const Tensors& tangents) const {
    Tensors duals;
    for (size_t i = 0; i < primals.size(); ++i) {
      duals.push_back(at::_make_dual(primals[i].detach(), tangents[i],
                                     static_cast<int64_t>(level_)));
    }
    return duals;
  }

  OptimizerState Make(const OptimizerState& primals,
                      const OptimizerState& tangents) const {
    return {.weights = Make(primals.weights, tangents.weights),
            .moments = Make(primals.moments, tangents.moments)};
  }

  Tensors TangentsOf(const Tensors& duals) const {
    Tensors tangents;
    for (const torch::Tensor& dual : duals) {
      const torch::Tensor tangent =
          std::get<1>(at::_unpack_dual(dual, static_cast<int64_t>(level_)));
      tangents.push_back(tangent.defined() ? tangent.clone()
                                           : torch::zeros_like(dual));
    }
    return tangents;
  }

 private:
  const uint64_t level_;
};

// One element of the hyperparameters, and what it does to the state.
struct Tangent {
  Tensors direction;  // 1 in that element, 0 elsewhere.
  OptimizerState state;
};

std::vector<Tangent> InitialTangents(const OptimizerState& start,
                                     const Tensors& hyper) {
  std::vector<Tangent> tangents;
  for (size_t i = 0; i < hyper.size(); ++i) {
    for (int64_t element = 0; element < hyper[i].numel(); ++element) {
      Tensors direction = ZerosLike(hyper);
      direction[i].view(-1)[element] = 1;
      tangents.push_back({.direction = std::move(direction),
                          .state = {.weights = ZerosLike(start.weights),
                                    .moments = ZerosLike(start.moments)}});
    }
  }
  return tangents;
}

// The gradients of one step's L_T, kept to be differentiated.
struct StepGradient {
  Tensors weights;     // Leaves.
  Tensors by_weights;  // dL_T/dw.
  Tensors by_hyper;    // dL_T/dh.
};

StepGradient GradientOf(const BilevelProblem& problem, const Tensors& weights,
                        const Tensors& hyper, int64_t step) {
  StepGradient gradient = {
      .weights = LeavesOf(weights), .by_weights = {}, .by_hyper = {}};
  const Tensors leaves = LeavesOf(hyper);
  const torch::Tensor loss =
      TrainingLossOf(problem, gradient.weights, leaves, step % problem.batches);
  const Tensors both = Derivative({loss}, Joined(gradient.weights, leaves), {},
                                  Graph::kExtended);
  gradient.by_weights = Piece(both, 0, weights.size());
  gradient.by_hyper = Piece(both, weights.size(), hyper.size());
  return gradient;
}

// The change of dL_T/dw along (z, e): second derivatives are symmetric, so it
// is d(<dL_T/dw, z> + <dL_T/dh, e>)/dw, reverse mode alone, for which every
// layer has rules.
Tensors ChangeOfGradient(const StepGradient& gradient, const Tangent& tangent) {
  return Derivative(
      Joined(gradient.by_weights, gradient.by_hyper), gradient.weights,
      Joined(tangent.state.weights, tangent.direction), Graph::kKept);
}

OptimizerState TangentAfter(const TrainingPath& path,
                            const OptimizerState& state, const Tensors& hyper,
                            const StepGradient& gradient,
                            const Tangent& tangent, int64_t step) {
  const Tensors change = ChangeOfGradient(gradient, tangent);
  const torch::NoGradGuard no_gradient;
  const DualLevel level;
  const OptimizerState next = path.update(
      level.Make(state, tangent.state), level.Make(gradient.by_weights, change),
      level.Make(hyper, tangent.direction), step);
  return {.weights = level.TangentsOf(next.weights),
          .moments = level.TangentsOf(next.moments)};
}

OptimizerState PlainStep(const TrainingPath& path, const OptimizerState& state,
                         const Tensors& hyper, const StepGradient& gradient,
                         int64_t step) {
  const torch::NoGradGuard no_gradient;
  return Detached(path.update(state, gradient.by_weights, hyper, step));
}

// The derivative along each tangent, in the shapes of `hyper`.
Tensors Gathered(const Tensors& slope, const std::vector<Tangent>& tangents,
                 const Tensors& hyper) {
  Tensors values = ZerosLike(hyper);
  size_t next = 0;
  for (torch::Tensor& value : values) {
    for (int64_t element = 0; element < value.numel(); ++element) {
      value.view(-1)[element] = Dot(slope, tangents[next++].state.weights);
    }
  }
  return values;
}

}  // namespace

OptimizerState EndOf(const BilevelProblem& problem, const TrainingPath& path,
                     const Tensors& hyper) {
  OptimizerState state = Detached(path.start);
  for (int64_t step = 0; step < path.steps; ++step) {
    state = Detached(
        StepFrom(problem, path, LeafState(state), hyper, step, Graph::kFreed));
  }
  return state;
}

Result<UnrolledGradient> ReverseGradient(const BilevelProblem& problem,
                                         const TrainingPath& path,
                                         const Tensors& hyper) {
  const std::vector<OptimizerState> states = StatesOf(problem, path, hyper);
  const Tensors slope = problem.metric_gradient(states.back().weights);
  const double scale = NormOf(slope);
  Tensors adjoint = Joined(slope, ZerosLike(path.start.moments));
  UnrolledGradient gradient = {.values = ZerosLike(hyper), .remainder = 1};
  for (int64_t step = path.steps - 1; step >= 0; --step) {
    const OptimizerState state = LeafState(states[step]);
    const Tensors leaves = LeavesOf(hyper);
    const Tensors next =
        Flat(StepFrom(problem, path, state, leaves, step, Graph::kExtended));
    const Tensors back =
        Derivative(next, Joined(Flat(state), leaves), adjoint, Graph::kFreed);
    adjoint = Piece(back, 0, adjoint.size());
    gradient.values =
        Plus(gradient.values, Piece(back, adjoint.size(), hyper.size()));
    const double size = NormOf(Piece(adjoint, 0, slope.size()));
    gradient.remainder = scale > 0 ? size / scale : 0;
    if (!(gradient.remainder <= kLargestGrowth)) {
      return Failure("the adjoint explodes " +
                     std::to_string(path.steps - step) + " steps back");
    }
  }
  return gradient;
}

Result<Tensors> ForwardGradient(const BilevelProblem& problem,
                                const TrainingPath& path,
                                const Tensors& hyper) {
  OptimizerState state = Detached(path.start);
  std::vector<Tangent> tangents = InitialTangents(state, hyper);
  for (int64_t step = 0; step < path.steps; ++step) {
    const StepGradient gradient =
        GradientOf(problem, state.weights, hyper, step);
    for (Tangent& tangent : tangents) {
      tangent.state = TangentAfter(path, state, hyper, gradient, tangent, step);
      if (!AllFinite(tangent.state.weights)) {
        return Failure("a tangent is not finite after " +
                       std::to_string(step + 1) + " steps");
      }
    }
    state = PlainStep(path, state, hyper, gradient, step);
  }
  return Gathered(problem.metric_gradient(state.weights), tangents, hyper);
}

}  // namespace assay
