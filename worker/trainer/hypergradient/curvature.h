#pragma once

#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/hypergradient/bilevel_problem.h"

namespace assay {

// Products with the curvature of the training loss at one point, the mean over
// the problem's batches:
//   hessian       H = d2 L_T / dw2
//   gauss_newton  G = J^T (d2 loss / d outputs2) J + d2 penalty / dw2, with J
//                 the Jacobian of the outputs. Positive semidefinite for a
//                 loss that is convex in the outputs, which H of a network is
//                 not; the same as H for a linear network.
// plus damping times the identity. (Schraudolph 2002; Martens 2010.)
// Builds the graph of one gradient and keeps it, so that a product costs two
// backward passes (Gauss-Newton: three).
class Curvature {
 public:
  Curvature(const BilevelProblem& problem, const Tensors& weights,
            const Tensors& hyper, CurvatureKind kind, double damping);

  Tensors Times(const Tensors& direction) const;

  // d<dL_T/dw, direction>/dh: the mixed derivative from the left.
  Tensors Mixed(const Tensors& direction) const;

  // The largest eigenvalue in size, by power iterations from a fixed start.
  double LargestEigenvalue(int iterations) const;

  const Tensors& Gradient() const { return gradient_; }  // dL_T/dw.

 private:
  // Of one batch.
  struct OutputGraph {
    torch::Tensor outputs;   // Of the weights.
    torch::Tensor detached;  // The same values, a leaf.
    torch::Tensor slope;     // d loss / d detached, differentiable.
    torch::Tensor probe;     // Anything of the shape of `outputs`; a leaf.
    Tensors pulled;          // J^T probe, differentiable by `probe`.
  };

  OutputGraph GraphOf(const BilevelProblem& problem,
                      const torch::Tensor& outputs, int64_t batch) const;
  Tensors HessianTimes(const Tensors& direction) const;
  Tensors GaussNewtonTimes(const Tensors& direction) const;
  Tensors BatchTimes(const OutputGraph& graph, const Tensors& direction) const;

  const CurvatureKind kind_;
  const double damping_;
  const double share_;  // Of one batch.
  const Tensors weights_;
  const Tensors hyper_;
  Tensors gradient_;
  Tensors penalty_gradient_;
  std::vector<OutputGraph> graphs_;  // Of Gauss-Newton.
};

}  // namespace assay
