#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/hypergradient/hypergradient.h"
#include "worker/trainer/hypergradient/trained_problem.h"
#include "worker/trainer/hypergradient/training_record.h"
#include "worker/trainer/hypergradient/vector_tensors.h"
#include "worker/trainer/part.h"
#include "worker/trainer/progress.h"
#include "worker/trainer/result.h"

namespace assay {

// Learns one weight decay for each weight (Lorraine 2020) and one weight for
// each training example (Franceschi 2017) while the network trains, as the
// configuration's `vectors` says. After so many batches, of the loss on
// `outer`:
//   ift_*, one_step  the hypergradient at the present weights, of these batches
//                    as one
//   truncated        that through these batches, taken again
// then a step of Adam (beta1 0.5, beta2 0.999) and one back to the start,
//   h -= rate * (mean / sqrt(square) + prior * (h - start)),
// in the logarithm of a decay, the logit of a weight. An element without a
// gradient, as that of an example which was in none of the batches, stays, and
// its moments too. Kept within decays of 1e-10 to the smaller of 1000 and
// 1 / (4 learning rate), beyond which descent itself is not stable, and logits
// of -10 to 10. Without vectors to learn it does nothing.
class VectorLearner {
 public:
  // By names of its own.
  using State = std::map<std::string, torch::Tensor>;

  // All must outlive this.
  VectorLearner(const Configuration& config, torch::nn::Sequential network,
                const torch::optim::Optimizer& optimizer, const Part& train,
                const Part& outer, torch::Device device);

  const VectorTensors& values() const { return values_; }

  // Of the training examples `rows`, [rows]; undefined if they have none.
  torch::Tensor ExampleWeights(const torch::Tensor& rows) const;
  // Adds those of the decays to the gradients of the network's `weights`.
  void AddDecayGradients(const std::vector<torch::Tensor>& weights) const;

  // As HypergradientProbe's.
  void BeforeBatch(const torch::Tensor& rows);
  void AtRate(double learning_rate, double slope);
  // Takes the step that is due. A gradient that fails is no step: the reason.
  Done AfterBatch();

  // Mean, deviation, least, greatest and quantiles of each vector, and the
  // share of examples whose weight is less than half of the start. As
  // VectorMetricNames() names them.
  Metrics Summary() const;

  // The vectors, their moments and the batches since the last step: one that
  // continues goes on bit by bit. A vector that is not there begins at its
  // start; with another method or optimizer those batches are forgotten.
  State ToSave() const;
  void Continue(const State& state);

 private:
  // Of one tensor of values_.All().
  struct Piece {
    torch::Tensor first;   // Mean of the gradient.
    torch::Tensor second;  // Of its square.
    torch::Tensor count;   // Of each element's steps.
  };
  struct Interval {
    double least = 0;
    double most = 0;
  };

  bool Replays() const;  // Takes its batches again.
  int64_t Window() const { return static_cast<int64_t>(record_.steps.size()); }
  ProblemSplit SplitNow() const;
  void Move(const Tensors& gradient, double learning_rate);
  torch::Tensor Moved(const torch::Tensor& value, const torch::Tensor& gradient,
                      const VectorConfig& config, double start,
                      const Interval& bounds, Piece& piece) const;
  void SaveWindow(State& state) const;
  void ContinueWindow(const State& state);

  const Configuration& config_;
  const VectorsConfig& vectors_;
  const torch::optim::Optimizer& optimizer_;
  const Part& outer_;
  const torch::Device device_;
  VectorTensors values_;
  std::vector<Piece> pieces_;
  const TrainedProblem problem_;
  TrainingRecord record_;  // Of the batches since the last step.
  int64_t failures_ = 0;
};

}  // namespace assay
