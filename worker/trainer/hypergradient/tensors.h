#pragma once

#include <vector>

#include "worker/trainer/torch.h"

namespace assay {

// Vectors whose pieces are tensors: all weights of a network, or all its
// hyperparameters. Operations go piece by piece.
using Tensors = std::vector<torch::Tensor>;

double Dot(const Tensors& a, const Tensors& b);
double NormOf(const Tensors& a);
bool AllFinite(const Tensors& a);

// a + scale * b.
Tensors Plus(const Tensors& a, const Tensors& b, double scale = 1);
Tensors Times(const Tensors& a, double scale);
Tensors ZerosLike(const Tensors& a);

// Copies apart from any graph, which a derivative can be taken by.
Tensors LeavesOf(const Tensors& a);

// What becomes of the graph after a derivative.
enum class Graph { kFreed, kKept, kExtended };

// d(sum_i <outputs_i, directions_i>)/d(inputs): zeros where no path leads. For
// a scalar output `directions` may be empty. With kExtended the result can be
// differentiated again.
Tensors Derivative(const Tensors& outputs, const Tensors& inputs,
                   const Tensors& directions, Graph graph);

}  // namespace assay
