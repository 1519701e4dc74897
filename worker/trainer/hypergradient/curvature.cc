#include "worker/trainer/hypergradient/curvature.h"

namespace assay {
namespace {

// Of the shapes of `weights`. Softmax does not feel equal changes of all
// classes, so that a start of ones would never leave that direction.
Tensors WithoutSymmetry(const Tensors& weights) {
  Tensors pieces;
  for (const torch::Tensor& weight : weights) {
    const torch::Tensor place =
        torch::arange(1, weight.numel() + 1, weight.options());
    pieces.push_back(torch::sin(place * place).view(weight.sizes()));
  }
  return pieces;
}

}  // namespace

Curvature::Curvature(const BilevelProblem& problem, const Tensors& weights,
                     const Tensors& hyper, CurvatureKind kind, double damping)
    : kind_(kind),
      damping_(damping),
      share_(1 / static_cast<double>(problem.batches)),
      weights_(LeavesOf(weights)),
      hyper_(LeavesOf(hyper)) {
  const torch::Tensor penalty = problem.penalty(weights_, hyper_);
  torch::Tensor loss = penalty;
  for (int64_t batch = 0; batch < problem.batches; ++batch) {
    const torch::Tensor outputs = problem.outputs(weights_, hyper_, batch);
    loss = loss + share_ * problem.loss(outputs, hyper_, batch);
    if (kind_ == CurvatureKind::kGaussNewton) {
      graphs_.push_back(GraphOf(problem, outputs, batch));
    }
  }
  gradient_ = Derivative({loss}, weights_, {}, Graph::kExtended);
  penalty_gradient_ = Derivative({penalty}, weights_, {}, Graph::kExtended);
}

Curvature::OutputGraph Curvature::GraphOf(const BilevelProblem& problem,
                                          const torch::Tensor& outputs,
                                          int64_t batch) const {
  OutputGraph graph;
  graph.outputs = outputs;
  graph.detached = outputs.detach().clone().requires_grad_();
  const torch::Tensor loss = problem.loss(graph.detached, hyper_, batch);
  graph.slope =
      Derivative({loss}, {graph.detached}, {}, Graph::kExtended).front();
  graph.probe = torch::zeros_like(graph.detached).requires_grad_();
  graph.pulled =
      Derivative({outputs}, weights_, {graph.probe}, Graph::kExtended);
  return graph;
}

Tensors Curvature::Times(const Tensors& direction) const {
  const Tensors product = kind_ == CurvatureKind::kHessian
                              ? HessianTimes(direction)
                              : GaussNewtonTimes(direction);
  return Plus(product, direction, damping_);
}

Tensors Curvature::HessianTimes(const Tensors& direction) const {
  return Derivative(gradient_, weights_, direction, Graph::kKept);
}

Tensors Curvature::GaussNewtonTimes(const Tensors& direction) const {
  Tensors product =
      Derivative(penalty_gradient_, weights_, direction, Graph::kKept);
  for (const OutputGraph& graph : graphs_) {
    product = Plus(product, BatchTimes(graph, direction), share_);
  }
  return product;
}

// J direction is the derivative of <J^T probe, direction> by the probe.
Tensors Curvature::BatchTimes(const OutputGraph& graph,
                              const Tensors& direction) const {
  const Tensors pushed =
      Derivative(graph.pulled, {graph.probe}, direction, Graph::kKept);
  const Tensors bent =
      Derivative({graph.slope}, {graph.detached}, pushed, Graph::kKept);
  return Derivative({graph.outputs}, weights_, bent, Graph::kKept);
}

Tensors Curvature::Mixed(const Tensors& direction) const {
  return Derivative(gradient_, hyper_, direction, Graph::kKept);
}

double Curvature::LargestEigenvalue(int iterations) const {
  Tensors direction = WithoutSymmetry(weights_);
  double eigenvalue = 0;
  for (int i = 0; i < iterations; ++i) {
    direction = assay::Times(direction, 1 / NormOf(direction));
    direction = Times(direction);
    eigenvalue = NormOf(direction);
    if (!(eigenvalue > 0)) break;
  }
  return eigenvalue;
}

}  // namespace assay
