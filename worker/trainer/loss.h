#pragma once

#include <cstdint>
#include <map>

#include "worker/trainer/configuration.h"
#include "worker/trainer/torch.h"

namespace assay {

// How many outputs a network needs: one a class, or one alone for a regression
// and for log loss. `classes` is 0 for a regression.
int64_t OutputsFor(LossKind loss, int64_t classes);

// The mean over a batch, a scalar. `outputs` is [batch, OutputsFor(..)];
// `truth` is [batch], labels (int64) of a classification, else values (float).
//   cross_entropy  -log softmax(outputs)[label]
//   log_loss       -log sigmoid(+-output), + for label 1
//   hinge          mean over classes j != label of
//                  max(0, 1 - outputs[label] + outputs[j])
//   mse            squared error; of a classification against 0 and 1, mean
//                  over the classes
torch::Tensor LossOf(LossKind loss, const torch::Tensor& outputs,
                     const torch::Tensor& truth);

// LossTerms as scalars that may be differentiated by; undefined or missing
// where they change nothing.
struct LossTensors {
  torch::Tensor label_smoothing;
  std::map<LossKind, torch::Tensor> loss_weights;
  std::map<int64_t, torch::Tensor> class_weights;
  torch::Tensor example_factors;  // [batch]; of each example's loss.
};

// The mean of the loss and its weighted others over the examples, each times
// its factor and weighted by its class; the factors do not count in what the
// mean is divided by. Can be differentiated twice.
torch::Tensor WeightedLoss(LossKind loss, const LossTensors& terms,
                           const torch::Tensor& outputs,
                           const torch::Tensor& truth);

// What a training minimizes: LossOf() where the terms are plain and no factors
// are given ([batch] or undefined), else WeightedLoss().
torch::Tensor TrainingLoss(LossKind loss, const LossTerms& terms,
                           const torch::Tensor& example_factors,
                           const torch::Tensor& outputs,
                           const torch::Tensor& truth);

// LossOf() each example, [batch]. Cross entropy is against the label with
// probability 1 - smoothing and any class with smoothing / classes more
// (Szegedy 2016); `smoothing` is a scalar, or undefined for none. Can be
// differentiated twice.
torch::Tensor ExampleLosses(LossKind loss, const torch::Tensor& outputs,
                            const torch::Tensor& truth,
                            const torch::Tensor& smoothing);

// sum_i weights_i losses_i / sum_i weights_i.
torch::Tensor WeightedMean(const torch::Tensor& losses,
                           const torch::Tensor& weights);

// The predicted label of each row, [batch]; of a classification only.
torch::Tensor PredictedLabels(const torch::Tensor& outputs);

}  // namespace assay
