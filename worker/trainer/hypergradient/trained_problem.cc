#include "worker/trainer/hypergradient/trained_problem.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "worker/trainer/augmentation.h"
#include "worker/trainer/hypergradient/functional_network.h"
#include "worker/trainer/hypergradient/parameters.h"
#include "worker/trainer/loss.h"
#include "worker/trainer/random_state.h"

namespace assay {
namespace {

constexpr int64_t kMetricBatch = 1000;

// All that any method could differentiate by.
std::map<std::string, double> StandardValues(Configuration config) {
  config.hypergradient.method = HypergradientMethod::kTruncated;
  return DifferentiableParameters(config);
}

}  // namespace

class TrainedProblem::Values {
 public:
  Values(const TrainedProblem& problem, const Tensors& hyper)
      : problem_(problem), hyper_(hyper) {}

  bool IsDifferentiated(const std::string& key) const {
    return IndexOf(key) < problem_.keys_.size();
  }

  // Whether it takes part at all.
  bool Counts(const std::string& key) const {
    if (IsDifferentiated(key)) return true;
    const auto found = problem_.standard_.find(key);
    return found != problem_.standard_.end() && found->second != 0;
  }

  torch::Tensor at(const std::string& key) const {
    const size_t index = IndexOf(key);
    if (index < problem_.keys_.size()) return hyper_[index];
    const auto found = problem_.standard_.find(key);
    return torch::scalar_tensor(
        found == problem_.standard_.end() ? 0 : found->second,
        torch::TensorOptions().device(problem_.device_));
  }

  // Undefined where the layer's weights have none.
  torch::Tensor LogDecay(int64_t layer) const {
    const Tensors& own = problem_.vectors_.log_decays;
    if (own.empty()) return {};
    return problem_.by_ == By::kVectors ? hyper_[layer] : own[layer];
  }

  // Of the training examples `rows`; undefined where they have none.
  torch::Tensor ExampleFactors(const torch::Tensor& rows) const {
    const torch::Tensor& own = problem_.vectors_.example_logits;
    if (!own.defined()) return {};
    const torch::Tensor& logits =
        problem_.by_ == By::kVectors ? hyper_.back() : own;
    return logits.index_select(0, rows).sigmoid();
  }

 private:
  size_t IndexOf(const std::string& key) const {
    return std::ranges::find(problem_.keys_, key) - problem_.keys_.begin();
  }

  const TrainedProblem& problem_;
  const Tensors& hyper_;
};

TrainedProblem::TrainedProblem(const Configuration& config,
                               torch::nn::Sequential network, Part train,
                               torch::Device device, double metric_scale,
                               const VectorTensors& vectors, By by)
    : config_(config),
      standard_(StandardValues(config)),
      network_(std::move(network)),
      train_(std::move(train)),
      device_(device),
      metric_scale_(metric_scale),
      vectors_(vectors),
      by_(by),
      keys_(by == By::kParameters ? config.hypergradient.parameters
                                  : std::vector<std::string>()) {}

Tensors TrainedProblem::Hyper() const {
  if (by_ == By::kVectors) return vectors_.All();
  Tensors hyper;
  for (const std::string& key : keys_) {
    hyper.push_back(torch::scalar_tensor(
        standard_.at(key), torch::TensorOptions().device(device_)));
  }
  return hyper;
}

ProblemSplit TrainedProblem::OfPath(const TrainingRecord& record,
                                    const std::vector<torch::Tensor>& rows,
                                    const Part& validation) const {
  std::vector<Batch> batches;
  for (size_t step = 0; step < rows.size(); ++step) {
    batches.push_back({.rows = rows[step],
                       .part = RowsOf(train_, rows[step]),
                       .random = record.steps[step].random});
  }
  return {.problem = ProblemOf(std::move(batches), validation,
                               /*with_weight_decay=*/false),
          .path = PathOf(record)};
}

ProblemSplit TrainedProblem::OfWeights(const Tensors& weights,
                                       const torch::Tensor& rows,
                                       const Part& validation) const {
  Batch batch = {.rows = rows,
                 .part = RowsOf(train_, rows),
                 .random = RandomState(device_)};
  return {.problem = ProblemOf({std::move(batch)}, validation,
                               /*with_weight_decay=*/true),
          .path = {.start = {.weights = weights, .moments = {}},
                   .steps = 0,
                   .update = nullptr}};
}

torch::Tensor TrainedProblem::Outputs(const Tensors& weights,
                                      const Values& values,
                                      const Batch& batch) const {
  if (config_.Draws()) SetRandomState(device_, batch.random);
  AugmentationTensors magnitudes;
  if (values.Counts("augmentation.rotation")) {
    magnitudes.rotation = values.at("augmentation.rotation");
  }
  if (values.Counts("augmentation.noise")) {
    magnitudes.noise = values.at("augmentation.noise");
  }
  const torch::Tensor relaxed = values.IsDifferentiated("model.dropout")
                                    ? values.at("model.dropout")
                                    : torch::Tensor();
  return OutputsWith(network_, weights,
                     Augmented(batch.part.inputs, magnitudes),
                     NetworkMode::kTraining, relaxed);
}

torch::Tensor TrainedProblem::Loss(const torch::Tensor& outputs,
                                   const Values& values,
                                   const Batch& batch) const {
  LossTensors terms;
  terms.example_factors = values.ExampleFactors(batch.rows);
  if (values.Counts("label_smoothing")) {
    terms.label_smoothing = values.at("label_smoothing");
  }
  for (const auto& [other, weight] : config_.loss_terms.loss_weights) {
    terms.loss_weights[other] = values.at(LossWeightKey(other));
  }
  for (const auto& [label, weight] : config_.loss_terms.class_weights) {
    terms.class_weights[label] = values.at(ClassWeightKey(label));
  }
  return WeightedLoss(config_.loss, terms, outputs, batch.part.truth);
}

torch::Tensor TrainedProblem::Penalty(const Tensors& weights,
                                      const Values& values,
                                      bool with_weight_decay) const {
  torch::Tensor penalty =
      torch::zeros({}, torch::TensorOptions().device(device_));
  const bool decays =
      with_weight_decay && values.Counts("optimizer.weight_decay");
  int64_t layer = 0;
  for (const torch::Tensor& weight : weights) {
    if (decays) {
      penalty = penalty +
                values.at("optimizer.weight_decay") / 2 * weight.square().sum();
    }
    if (weight.dim() < 2) continue;
    if (values.Counts("regularization.l1")) {
      penalty = penalty + values.at("regularization.l1") * weight.abs().sum();
    }
    for (const std::string& key :
         {std::string("regularization.l2"), LayerL2Key(layer)}) {
      if (!values.Counts(key)) continue;
      penalty = penalty + values.at(key) / 2 * weight.square().sum();
    }
    const torch::Tensor log_decay = values.LogDecay(layer);
    if (log_decay.defined()) {
      penalty = penalty + (log_decay.exp() * weight.square()).sum() / 2;
    }
    ++layer;
  }
  return penalty;
}

Tensors TrainedProblem::MetricGradient(const Tensors& weights,
                                       const Part& validation) const {
  const Tensors leaves = LeavesOf(weights);
  Tensors sum = ZerosLike(weights);
  for (int64_t begin = 0; begin < validation.size(); begin += kMetricBatch) {
    const int64_t size = std::min(kMetricBatch, validation.size() - begin);
    const torch::Tensor loss = LossOf(
        config_.loss,
        OutputsWith(network_, leaves, validation.inputs.narrow(0, begin, size),
                    NetworkMode::kEvaluation),
        validation.truth.narrow(0, begin, size));
    sum = Plus(sum, Derivative({loss}, leaves, {}, Graph::kFreed),
               metric_scale_ * static_cast<double>(size) /
                   static_cast<double>(validation.size()));
  }
  return sum;
}

BilevelProblem TrainedProblem::ProblemOf(std::vector<Batch> batches,
                                         const Part& validation,
                                         bool with_weight_decay) const {
  const auto shared =
      std::make_shared<const std::vector<Batch>>(std::move(batches));
  BilevelProblem problem;
  problem.batches = static_cast<int64_t>(shared->size());
  problem.outputs = [this, shared](const Tensors& weights, const Tensors& hyper,
                                   int64_t batch) {
    return Outputs(weights, Values(*this, hyper), (*shared)[batch]);
  };
  problem.loss = [this, shared](const torch::Tensor& outputs,
                                const Tensors& hyper, int64_t batch) {
    return Loss(outputs, Values(*this, hyper), (*shared)[batch]);
  };
  problem.penalty = [this, with_weight_decay](const Tensors& weights,
                                              const Tensors& hyper) {
    // Not coupled with AdamW: no part of the loss.
    const bool decays =
        with_weight_decay && config_.optimizer.kind != OptimizerKind::kAdamW;
    return Penalty(weights, Values(*this, hyper), decays);
  };
  problem.metric_gradient = [this, validation](const Tensors& weights) {
    return MetricGradient(weights, validation);
  };
  return problem;
}

// The schedule and the online factor make a step's rate from the learning rate;
// it is linear in it.
TrainingPath TrainedProblem::PathOf(const TrainingRecord& record) const {
  return {.start = record.start,
          .steps = static_cast<int64_t>(record.steps.size()),
          .update = [this, &record](const OptimizerState& state,
                                    const Tensors& gradient,
                                    const Tensors& hyper, int64_t step) {
            const Values values(*this, hyper);
            const RecordedStep& taken = record.steps[step];
            const double base = config_.optimizer.learning_rate;
            const OptimizerNumbers numbers = {
                .learning_rate =
                    values.at("optimizer.learning_rate") * taken.rate_slope +
                    (taken.learning_rate - base * taken.rate_slope),
                .momentum = values.at("optimizer.momentum"),
                .beta1 = values.at("optimizer.beta1"),
                .beta2 = values.at("optimizer.beta2"),
                .alpha = values.at("optimizer.alpha"),
                .weight_decay = values.at("optimizer.weight_decay")};
            return UpdateOf(config_.optimizer, state, gradient, numbers,
                            record.steps_before + step + 1);
          }};
}

}  // namespace assay
