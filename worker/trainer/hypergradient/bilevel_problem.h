#pragma once

#include <cstdint>
#include <functional>

#include "worker/trainer/hypergradient/tensors.h"

namespace assay {

// How hyperparameters decide what is learnt, and how good that is:
//   L_T(w, h; batch) = loss(outputs(w, h; batch), h; batch) + penalty(w, h)
//   L_V(w)           the metric that counts
// Weights w and hyperparameters h are lists of tensors of any shapes. Every
// function gives the same whenever it is called with the same arguments (noise
// is drawn once for each batch); L_T can be differentiated twice. The parts of
// L_T are apart because Gauss-Newton needs them so.
struct BilevelProblem {
  // Training batches count from 0 to this.
  int64_t batches = 1;
  // [examples, outputs].
  std::function<torch::Tensor(const Tensors& weights, const Tensors& hyper,
                              int64_t batch)>
      outputs;
  // Scalars.
  std::function<torch::Tensor(const torch::Tensor& outputs,
                              const Tensors& hyper, int64_t batch)>
      loss;
  std::function<torch::Tensor(const Tensors& weights, const Tensors& hyper)>
      penalty;
  // dL_V/dw. Its own loop over the data, so that the graph of a large set need
  // not be held at once.
  std::function<Tensors(const Tensors& weights)> metric_gradient;
};

// L_T of one batch.
inline torch::Tensor TrainingLossOf(const BilevelProblem& problem,
                                    const Tensors& weights,
                                    const Tensors& hyper, int64_t batch) {
  return problem.loss(problem.outputs(weights, hyper, batch), hyper, batch) +
         problem.penalty(weights, hyper);
}

}  // namespace assay
