#pragma once

#include <map>
#include <string>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/hypergradient/hypergradient.h"
#include "worker/trainer/hypergradient/training_record.h"
#include "worker/trainer/hypergradient/vector_tensors.h"
#include "worker/trainer/part.h"

namespace assay {

// What a training of `config` minimizes, as a problem with hyperparameters.
class TrainedProblem {
 public:
  enum class By {
    kParameters,  // config.hypergradient.parameters, scalars in that order.
    kVectors      // VectorTensors::All().
  };

  // The configuration and the vectors, whose values are always the present
  // ones, must outlive this; `metric_scale` is by what the metric differs from
  // the validation loss.
  TrainedProblem(const Configuration& config, torch::nn::Sequential network,
                 Part train, torch::Device device, double metric_scale,
                 const VectorTensors& vectors, By by);

  // The present values.
  Tensors Hyper() const;

  // Of the recorded steps, on `rows` (one tensor a step) in place of their own.
  ProblemSplit OfPath(const TrainingRecord& record,
                      const std::vector<torch::Tensor>& rows,
                      const Part& validation) const;

  // Of the present weights, the rows as one batch.
  ProblemSplit OfWeights(const Tensors& weights, const torch::Tensor& rows,
                         const Part& validation) const;

 private:
  // By key: what is differentiated comes from `hyper`, the rest is constant.
  class Values;
  struct Batch {
    torch::Tensor rows;
    Part part;
    torch::Tensor random;
  };

  torch::Tensor Outputs(const Tensors& weights, const Values& values,
                        const Batch& batch) const;
  torch::Tensor Loss(const torch::Tensor& outputs, const Values& values,
                     const Batch& batch) const;
  torch::Tensor Penalty(const Tensors& weights, const Values& values,
                        bool with_weight_decay) const;
  Tensors MetricGradient(const Tensors& weights, const Part& validation) const;
  BilevelProblem ProblemOf(std::vector<Batch> batches, const Part& validation,
                           bool with_weight_decay) const;
  TrainingPath PathOf(const TrainingRecord& record) const;

  const Configuration& config_;
  const std::map<std::string, double> standard_;
  const torch::nn::Sequential network_;
  const Part train_;
  const torch::Device device_;
  const double metric_scale_;
  const VectorTensors& vectors_;
  const By by_;
  const std::vector<std::string> keys_;  // Of what is differentiated by.
};

}  // namespace assay
