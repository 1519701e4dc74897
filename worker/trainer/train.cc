#include "worker/trainer/train.h"

#include <ATen/Context.h>

#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/trainer/device.h"
#include "worker/trainer/loss.h"
#include "worker/trainer/metrics.h"
#include "worker/trainer/models/model.h"
#include "worker/trainer/optimizer.h"
#include "worker/trainer/random.h"
#include "worker/trainer/schedule.h"
#include "worker/trainer/torch.h"

namespace assay {
namespace {

constexpr int64_t kEvaluationBatch = 1000;
constexpr int64_t kMaxClassesShown = 100;  // In a confusion matrix.

// One part of the data where the network is.
struct Part {
  torch::Tensor inputs;  // [size, ...shape].
  torch::Tensor truth;   // [size]: labels (int64) or values (float).

  int64_t size() const { return truth.defined() ? truth.size(0) : 0; }
};

// What one pass over a part has shown.
struct Evaluation {
  double loss = 0;
  ConfusionMatrix confusion;
  RegressionErrors errors;
};

torch::Device DeviceFor(DeviceKind kind) {
  if (kind == DeviceKind::kCpu || !torch::cuda::is_available()) {
    return torch::kCPU;
  }
  return torch::kCUDA;
}

// On a CPU the tensors are views of `examples`, which must outlive them.
Part ToDevice(const Examples& examples, const std::vector<int64_t>& shape,
              torch::Device device) {
  const auto view = [](const auto& values, std::vector<int64_t> extents,
                       torch::ScalarType type) {
    using T = typename std::decay_t<decltype(values)>::value_type;
    return torch::from_blob(const_cast<T*>(values.data()), extents, type);
  };
  std::vector<int64_t> extents = {examples.size()};
  extents.insert(extents.end(), shape.begin(), shape.end());
  Part part;
  part.inputs = view(examples.inputs, extents, torch::kFloat32).to(device);
  part.truth = examples.labels.empty()
                   ? view(examples.targets, {examples.size()}, torch::kFloat32)
                   : view(examples.labels, {examples.size()}, torch::kInt64);
  part.truth = part.truth.to(device);
  return part;
}

void SetSeed(uint64_t seed) {
  torch::manual_seed(seed);
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setFlushDenormal(true);
}

// The training of one network, from the first epoch to the last.
class Training {
 public:
  // All must outlive this.
  Training(const TrialFile& trial, const PreparedData& data,
           Progress& progress);

  TrainingOutcome Run();

 private:
  enum class EpochEnd { kFinished, kStopped };

  EpochEnd TrainEpoch(int64_t epoch);
  // Rows [begin, begin + size) of `order` make the batch.
  torch::Tensor TrainBatch(const torch::Tensor& order, int64_t begin,
                           int64_t size);
  int64_t BatchEnd(int64_t begin) const;
  Evaluation Evaluate(const Part& part);
  void Count(const torch::Tensor& outputs, const torch::Tensor& truth,
             Evaluation& evaluation) const;
  Metrics Quality(const Evaluation& evaluation) const;
  Metrics EpochMetrics(const Evaluation& evaluation) const;
  void ReportEpoch(int64_t epoch);
  bool Diverged() const { return !std::isfinite(train_loss_); }
  void AddFinalTest();
  void ReportConfusion();

  const TrialFile& trial_;
  const Configuration& config_;
  const PreparedData& data_;
  Progress& progress_;
  const torch::Device device_;
  const int64_t last_epoch_;
  const int64_t horizon_;

  Part train_;
  Part validation_;
  Random order_random_;
  torch::nn::Sequential network_;
  std::vector<torch::Tensor> weights_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;

  // Of the latest epoch.
  double train_loss_ = 0;
  double learning_rate_ = 0;
  double examples_per_second_ = 0;
  std::optional<ConfusionMatrix> confusion_;  // Unset before the first report.
  TrainingOutcome outcome_;
};

Training::Training(const TrialFile& trial, const PreparedData& data,
                   Progress& progress)
    : trial_(trial),
      config_(trial.config),
      data_(data),
      progress_(progress),
      device_(DeviceFor(config_.device)),
      last_epoch_(LastEpoch(trial)),
      horizon_(Horizon(trial)),
      train_(ToDevice(data.train, data.shape, device_)),
      validation_(ToDevice(data.validation, data.shape, device_)),
      order_random_(SeedOf(trial)) {
  UseThreads(config_.threads);
  SetSeed(SeedOf(trial));
  network_ = MakeModel(config_.model, data.shape,
                       OutputsFor(config_.loss, data.classes));
  network_->to(device_);
  weights_ = network_->parameters();
  optimizer_ = MakeOptimizer(config_.optimizer, weights_);
}

TrainingOutcome Training::Run() {
  for (int64_t epoch = 1; epoch <= last_epoch_; ++epoch) {
    if (TrainEpoch(epoch) == EpochEnd::kStopped) break;
    if (epoch > trial_.from) ReportEpoch(epoch);
    if (Diverged() && config_.divergence == OnDivergence::kStop) {
      if (epoch <= trial_.from) ReportEpoch(epoch);
      break;
    }
  }
  if (!outcome_.stopped.has_value()) AddFinalTest();
  ReportConfusion();
  return outcome_;
}

Training::EpochEnd Training::TrainEpoch(int64_t epoch) {
  const auto begin_time = std::chrono::steady_clock::now();
  network_->train();
  const std::vector<int64_t> order = order_random_.Permutation(train_.size());
  const torch::Tensor rows = torch::tensor(order, torch::kInt64).to(device_);
  torch::Tensor loss_sum =
      torch::zeros({}, rows.options().dtype(torch::kDouble));
  for (int64_t begin = 0; begin < train_.size();) {
    const int64_t end = BatchEnd(begin);
    const double progress =
        static_cast<double>(epoch - 1) +
        static_cast<double>(begin) / static_cast<double>(train_.size());
    learning_rate_ = LearningRate(
        config_.schedule, config_.optimizer.learning_rate, progress, horizon_);
    loss_sum +=
        TrainBatch(rows, begin, end - begin) * static_cast<double>(end - begin);
    outcome_.stopped = progress_.StopReason();
    if (outcome_.stopped.has_value()) return EpochEnd::kStopped;
    begin = end;
  }
  const auto size = static_cast<double>(train_.size());
  train_loss_ = loss_sum.item<double>() / size;  // Waits for a GPU.
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin_time;
  examples_per_second_ = size / seconds.count();
  return EpochEnd::kFinished;
}

// The last two batches are one if batch norm would see a single example.
int64_t Training::BatchEnd(int64_t begin) const {
  const int64_t end = std::min(begin + config_.batch_size, train_.size());
  const bool lonely = train_.size() - end == 1 && config_.model.batch_norm;
  return lonely ? train_.size() : end;
}

torch::Tensor Training::TrainBatch(const torch::Tensor& order, int64_t begin,
                                   int64_t size) {
  const torch::Tensor rows = order.narrow(0, begin, size);
  SetLearningRate(*optimizer_, learning_rate_);
  optimizer_->zero_grad();
  const torch::Tensor loss = LossOf(
      config_.loss, network_->forward(train_.inputs.index_select(0, rows)),
      train_.truth.index_select(0, rows));
  loss.backward();
  AddPenaltyGradients(config_.regularization, weights_);
  optimizer_->step();
  return loss.detach().to(torch::kDouble);
}

Evaluation Training::Evaluate(const Part& part) {
  const torch::NoGradGuard no_gradient;
  network_->eval();
  Evaluation evaluation = {
      .loss = 0, .confusion = ConfusionMatrix(data_.classes), .errors = {}};
  for (int64_t begin = 0; begin < part.size(); begin += kEvaluationBatch) {
    const int64_t size = std::min(kEvaluationBatch, part.size() - begin);
    const torch::Tensor truth = part.truth.narrow(0, begin, size);
    const torch::Tensor outputs =
        network_->forward(part.inputs.narrow(0, begin, size));
    evaluation.loss += LossOf(config_.loss, outputs, truth).item<double>() *
                       static_cast<double>(size);
    Count(outputs, truth, evaluation);
  }
  evaluation.loss /= static_cast<double>(part.size());
  return evaluation;
}

void Training::Count(const torch::Tensor& outputs, const torch::Tensor& truth,
                     Evaluation& evaluation) const {
  const torch::Tensor true_values = truth.cpu().contiguous();
  if (data_.classes > 0) {
    const torch::Tensor labels = PredictedLabels(outputs).cpu().contiguous();
    for (int64_t i = 0; i < labels.size(0); ++i) {
      evaluation.confusion.Add(true_values.data_ptr<int64_t>()[i],
                               labels.data_ptr<int64_t>()[i]);
    }
    return;
  }
  const torch::Tensor values = outputs.squeeze(1).cpu().contiguous();
  const auto own_unit = [this](float standardized) {
    return data_.target_mean + data_.target_scale * standardized;
  };
  for (int64_t i = 0; i < values.size(0); ++i) {
    evaluation.errors.Add(own_unit(true_values.data_ptr<float>()[i]),
                          own_unit(values.data_ptr<float>()[i]));
  }
}

Metrics Training::Quality(const Evaluation& evaluation) const {
  Metrics metrics = {{"loss", evaluation.loss}};
  if (data_.classes > 0) {
    const ConfusionMatrix& confusion = evaluation.confusion;
    metrics.push_back({"accuracy", confusion.Accuracy()});
    metrics.push_back({"precision", confusion.Precision()});
    metrics.push_back({"recall", confusion.Recall()});
    metrics.push_back({"f1", confusion.F1()});
  } else {
    metrics.push_back({"mse", evaluation.errors.Mse()});
    metrics.push_back({"rmse", evaluation.errors.Rmse()});
    metrics.push_back({"mae", evaluation.errors.Mae()});
    metrics.push_back({"r2", evaluation.errors.R2()});
  }
  if (!Diverged() && std::isfinite(evaluation.loss)) return metrics;
  // A network without finite outputs has no accuracy, whatever argmax says.
  for (Metric& metric : metrics) {
    metric.value = std::numeric_limits<double>::quiet_NaN();
  }
  return metrics;
}

Metrics Training::EpochMetrics(const Evaluation& evaluation) const {
  Metrics metrics = Quality(evaluation);
  metrics.push_back({"train_loss", train_loss_});
  metrics.push_back({"learning_rate", learning_rate_});
  metrics.push_back({"examples_per_second", examples_per_second_});
  return metrics;
}

void Training::ReportEpoch(int64_t epoch) {
  const Evaluation evaluation = Evaluate(validation_);
  confusion_ = evaluation.confusion;
  outcome_.metrics = EpochMetrics(evaluation);
  progress_.Report(epoch, outcome_.metrics);
}

void Training::AddFinalTest() {
  if (!trial_.final_test) return;
  const Part test = ToDevice(data_.test, data_.shape, device_);
  for (const Metric& metric : Quality(Evaluate(test))) {
    outcome_.metrics.push_back({"test_" + metric.name, metric.value});
  }
}

void Training::ReportConfusion() {
  if (!confusion_.has_value() || data_.classes == 0) return;
  if (data_.classes > kMaxClassesShown) return;
  progress_.Attribute("confusion_matrix", confusion_->ToJson());
  if (data_.class_names.empty()) return;
  progress_.Attribute("classes", nlohmann::json(data_.class_names).dump());
}

}  // namespace

Result<TrainingOutcome> Train(const TrialFile& trial, const PreparedData& data,
                              Progress& progress) {
  try {
    return Training(trial, data, progress).Run();
  } catch (const std::exception& error) {
    return Failure(std::string("training failed: ") + error.what());
  }
}

}  // namespace assay
