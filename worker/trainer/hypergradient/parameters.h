#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "worker/trainer/configuration.h"

namespace assay {

// Layers with weights, from the input; biases and batch norm count with theirs.
int64_t LayersOf(const ModelConfig& model);

std::string LayerL2Key(int64_t layer);
std::string ClassWeightKey(int64_t label);
std::string LossWeightKey(LossKind loss);

// The keys of `config` by which its hypergradient.method can differentiate,
// with their values, in natural units. The implicit methods and one_step know
// what changes the training loss; the others, the numbers of the optimizer too.
std::map<std::string, double> DifferentiableParameters(
    const Configuration& config);

}  // namespace assay
