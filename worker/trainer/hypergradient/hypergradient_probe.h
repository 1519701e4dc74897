#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "worker/trainer/data/prepared_data.h"
#include "worker/trainer/hypergradient/trained_problem.h"
#include "worker/trainer/hypergradient/training_record.h"
#include "worker/trainer/hypergradient/vector_tensors.h"
#include "worker/trainer/metrics.h"
#include "worker/trainer/part.h"
#include "worker/trainer/random.h"
#include "worker/trainer/result.h"
#include "worker/trainer/trial_file.h"

namespace assay {

// Where a training is before one of its batches.
struct BatchPlace {
  int64_t epoch = 0;         // Finished ones.
  int64_t batches_left = 0;  // Of this epoch, this one included.
  int64_t batches_per_epoch = 0;
};

// Looks on while a network trains, as its configuration's `hypergradient` says,
// and tells the gradients that are due. Leaves no trace in the training.
// Vectors that it learns count as constants, as they are at the end.
//   truncated, forward  record the last steps before an epoch with a gradient,
//                       and take them again; further splits take as many steps
//                       from the same state on other training examples
//   the others          need the weights alone
class HypergradientProbe {
 public:
  // All must outlive this.
  HypergradientProbe(const TrialFile& trial, const PreparedData& data,
                     torch::nn::Sequential network,
                     const torch::optim::Optimizer& optimizer,
                     const Part& train, const Part& validation,
                     torch::Device device, const VectorTensors& vectors);

  // The batch of `rows` comes next.
  void BeforeBatch(const BatchPlace& place, const torch::Tensor& rows);
  // And will be followed at this rate; `slope` is its derivative by
  // optimizer.learning_rate.
  void AtRate(double learning_rate, double slope);

  // Whether a gradient belongs to the report after this many epochs.
  bool DueAfter(int64_t epochs) const;

  // The gradient at the present weights. Ends the record.
  Result<MetricGradient> Measure(int64_t epochs, double learning_rate);

 private:
  bool Records() const;
  Result<Hypergradient> Compute(int64_t epochs, double learning_rate) const;
  int64_t NextDue(int64_t epoch) const;
  int64_t Splits() const;
  Part ValidationSplit(int64_t index) const;
  ProblemSplit SplitOf(int64_t index, Random& random) const;
  std::vector<torch::Tensor> PathRows(int64_t index, Random& random) const;
  torch::Tensor RandomRows(int64_t count, Random& random) const;
  Tensors Weights() const;
  HypergradientOptions Options(double learning_rate) const;
  MetricGradient Told(const Hypergradient& gradient) const;

  const TrialFile& trial_;
  const HypergradientConfig& config_;
  const torch::optim::Optimizer& optimizer_;
  const Part& train_;
  const Part& validation_;
  const torch::Device device_;
  const int64_t last_epoch_;
  const TrainedProblem problem_;
  std::optional<TrainingRecord> record_;
};

}  // namespace assay
