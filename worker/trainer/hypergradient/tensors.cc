#include "worker/trainer/hypergradient/tensors.h"

#include <cmath>

namespace assay {

double Dot(const Tensors& a, const Tensors& b) {
  const torch::NoGradGuard no_gradient;
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] * b[i]).sum(torch::kDouble).item<double>();
  }
  return sum;
}

double NormOf(const Tensors& a) { return std::sqrt(Dot(a, a)); }

bool AllFinite(const Tensors& a) {
  for (const torch::Tensor& piece : a) {
    if (!torch::isfinite(piece).all().item<bool>()) return false;
  }
  return true;
}

Tensors Plus(const Tensors& a, const Tensors& b, double scale) {
  const torch::NoGradGuard no_gradient;
  Tensors sum;
  for (size_t i = 0; i < a.size(); ++i) {
    sum.push_back(torch::add(a[i], b[i], scale));
  }
  return sum;
}

Tensors Times(const Tensors& a, double scale) {
  const torch::NoGradGuard no_gradient;
  Tensors product;
  for (const torch::Tensor& piece : a) product.push_back(piece * scale);
  return product;
}

Tensors ZerosLike(const Tensors& a) {
  Tensors zeros;
  for (const torch::Tensor& piece : a) {
    zeros.push_back(torch::zeros_like(piece));
  }
  return zeros;
}

Tensors LeavesOf(const Tensors& a) {
  Tensors leaves;
  for (const torch::Tensor& piece : a) {
    leaves.push_back(piece.detach().clone().requires_grad_());
  }
  return leaves;
}

Tensors Derivative(const Tensors& outputs, const Tensors& inputs,
                   const Tensors& directions, Graph graph) {
  Tensors moving;  // What depends on nothing cannot be differentiated.
  Tensors along;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    moving.push_back(outputs[i]);
    if (!directions.empty()) along.push_back(directions[i]);
  }
  if (moving.empty() || inputs.empty()) return ZerosLike(inputs);
  Tensors derivative = torch::autograd::grad(
      moving, inputs, along, /*retain_graph=*/graph != Graph::kFreed,
      /*create_graph=*/graph == Graph::kExtended, /*allow_unused=*/true);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!derivative[i].defined()) derivative[i] = torch::zeros_like(inputs[i]);
  }
  return derivative;
}

}  // namespace assay
