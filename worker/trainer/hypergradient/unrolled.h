#pragma once

#include <cstdint>
#include <functional>

#include "worker/trainer/hypergradient/bilevel_problem.h"
#include "worker/trainer/hypergradient/update_rule.h"
#include "worker/trainer/result.h"

namespace assay {

// Steps of an optimizer from a known state. Step t, from 0, follows the
// gradient of L_T of batch t, modulo the problem's batches.
struct TrainingPath {
  OptimizerState start;
  int64_t steps = 0;
  // A function of all its arguments that can be differentiated.
  std::function<OptimizerState(const OptimizerState& state,
                               const Tensors& gradient, const Tensors& hyper,
                               int64_t step)>
      update;
};

struct UnrolledGradient {
  Tensors values;  // dL_V(last weights)/dh, the start fixed.
  // How much of L_V's gradient still reaches the weights at the start, in norm:
  // what lies before the path is neglected. Unset: not known (forward).
  double remainder = 0;
};

// The path's last state, without derivatives.
OptimizerState EndOf(const BilevelProblem& problem, const TrainingPath& path,
                     const Tensors& hyper);

// Reverse mode through the path (Maclaurin 2015; of its last steps only:
// Shaban 2019). Holds all states, steps * (weights + moments), and the graph of
// one step. Costs about five gradients a step, however many hyperparameters
// there are. Fails where the adjoint explodes or is not finite.
Result<UnrolledGradient> ReverseGradient(const BilevelProblem& problem,
                                         const TrainingPath& path,
                                         const Tensors& hyper);

// Forward mode (Franceschi 2017): Z' = A Z + B along the path, with one tangent
// of the state for each element of the hyperparameters; any number of steps in
// the same memory, two gradients a step and element.
Result<Tensors> ForwardGradient(const BilevelProblem& problem,
                                const TrainingPath& path, const Tensors& hyper);

}  // namespace assay
