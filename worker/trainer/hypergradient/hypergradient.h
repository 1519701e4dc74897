#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "worker/trainer/configuration.h"
#include "worker/trainer/hypergradient/bilevel_problem.h"
#include "worker/trainer/hypergradient/unrolled.h"
#include "worker/trainer/result.h"

namespace assay {

// The gradient of a metric by the hyperparameters of the training that led to
// it. With L_T the training loss, L_V the metric and H the curvature of L_T:
//   ift_cg, ift_neumann
//     -d2L_T/dhdw H^-1 dL_V/dw at path.start, the derivative of L_V where L_T
//     has its optimum (implicit function theorem), if the weights are there.
//     Numbers of the optimizer do not move the optimum: 0.
//   truncated, forward
//     the derivative of L_V after the path, by reverse or forward mode
//   one_step
//     truncated through one step of gradient descent from path.start, with the
//     rate `descent_rate` (Luketina 2016; Liu 2019): H^-1 taken for the rate
// Not counted by any of them: what happened before path.start.
struct Hypergradient {
  // In the shapes of the hyperparameters, means over the splits.
  Tensors values;
  // Standard deviations of `values`, from how the splits differ: theirs divided
  // by the root of their number. NaN of one split.
  Tensors deviations;
  // Mean over the splits of |H q - v| / |v| (ift), of the part of L_V's
  // gradient that reaches beyond the path (truncated, one_step; see
  // unrolled.h), unset with forward.
  std::optional<double> residual;
  double seconds = 0;  // That it took.
};

// One part of the data: its training batches, its part of the metric.
struct ProblemSplit {
  BilevelProblem problem;
  TrainingPath path;
};

struct HypergradientOptions {
  HypergradientMethod method = HypergradientMethod::kIftCg;
  CurvatureKind curvature = CurvatureKind::kGaussNewton;
  double damping = 0;
  int64_t terms = 20;    // Of Neumann's series; iterations of CG.
  double tolerance = 0;  // Of the residual, where the solver may end earlier.
  double descent_rate = 0;
};

// `split` makes the i-th of `splits`, which is freed before the next is made.
// Fails, with the reason, where the result would mean nothing: the solver or
// the adjoint diverges, or a number is not finite.
Result<Hypergradient> ComputeHypergradient(
    const std::function<ProblemSplit(int64_t)>& split, int64_t splits,
    const Tensors& hyper, const HypergradientOptions& options);

}  // namespace assay
