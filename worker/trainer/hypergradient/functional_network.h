#pragma once

#include "worker/trainer/hypergradient/tensors.h"

namespace assay {

// A network as a function of its weights. `weights` come in the order of
// network.parameters(), in any type and with any graph; those that the network
// holds do not matter, and nothing in it changes.
//   kTraining    batch norm by the batch's statistics (the running ones are not
//                updated), dropout by Torch's generator, as training draws it
//   kEvaluation  batch norm by the running statistics, no dropout
enum class NetworkMode { kTraining, kEvaluation };

// With `relaxed_dropout`, a scalar in (0, 1), masks of training are drawn with
// that probability to drop and not quite 0 or 1, so that they can be
// differentiated by it (concrete dropout: Gal, Hron and Kendall 2017, tau 0.1).
torch::Tensor OutputsWith(torch::nn::Sequential network, const Tensors& weights,
                          const torch::Tensor& inputs, NetworkMode mode,
                          const torch::Tensor& relaxed_dropout = {});

}  // namespace assay
