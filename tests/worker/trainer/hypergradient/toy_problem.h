#pragma once

#include <cstdint>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/hypergradient/unrolled.h"
#include "worker/trainer/torch.h"

namespace assay {

// Small, exact problems in double precision.

// Of one class a row; `labels` int64, `inputs` double.
struct LabelledPart {
  torch::Tensor inputs;
  torch::Tensor labels;
};

struct ToyProblem {
  torch::nn::Sequential network;  // In double.
  LabelledPart train;
  LabelledPart validation;
  int64_t batches = 4;
  // Of what: its hyperparameters, in this order.
  //   0  l2 of all weights          3  one factor for each class
  //   1  l1 of all weights          4  one weight decay for each weight of the
  //   2  label smoothing               first tensor, as its logarithm
  Tensors hyper;

  BilevelProblem Problem() const;
  double Metric(const Tensors& weights) const;
  Tensors Weights() const;  // As the network was made.
};

// Of an MLP (`depth` 0: logistic regression) on three clouds.
ToyProblem MakeToyProblem(const ModelConfig& model, std::vector<int64_t> shape);

// Numbers of the optimizer follow those of the problem among the
// hyperparameters: learning rate, momentum or beta1, beta2 or alpha, weight
// decay.
Tensors WithOptimizerNumbers(const OptimizerConfig& config, Tensors hyper);
TrainingPath PathOf(const OptimizerConfig& config, const Tensors& weights,
                    int64_t steps);

// Central differences of `value` by every element of `at`.
Tensors FiniteDifferences(const std::function<double(const Tensors&)>& value,
                          const Tensors& at, double step = 1e-5);

// L_T's optimum by Newton's method from `weights`, to a gradient of 1e-10.
Tensors Solved(const BilevelProblem& problem, Tensors weights,
               const Tensors& hyper);

// |a - b| / |b| over all.
double RelativeError(const Tensors& a, const Tensors& b);

}  // namespace assay
