#include "worker/trainer/train.h"

#include <ATen/Context.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/trainer/augmentation.h"
#include "worker/trainer/checkpoint_folder.h"
#include "worker/trainer/checkpoint_header.h"
#include "worker/trainer/choice_names.h"
#include "worker/trainer/device.h"
#include "worker/trainer/hypergradient/hypergradient_probe.h"
#include "worker/trainer/hypergradient/vector_learner.h"
#include "worker/trainer/loss.h"
#include "worker/trainer/metrics.h"
#include "worker/trainer/models/model.h"
#include "worker/trainer/online_rate.h"
#include "worker/trainer/optimizer.h"
#include "worker/trainer/part.h"
#include "worker/trainer/random.h"
#include "worker/trainer/schedule.h"
#include "worker/trainer/torch.h"
#include "worker/trainer/training_state.h"

namespace assay {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr int64_t kEvaluationBatch = 1000;
constexpr int64_t kMaxClassesShown = 100;  // In a confusion matrix.

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

void SetSeed(uint64_t seed) {
  torch::manual_seed(seed);
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setFlushDenormal(true);
}

Seconds Since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::steady_clock::now() - begin;
}

// The training of one network, from the first epoch, or from where a checkpoint
// was made, to the end of its budget.
class Training {
 public:
  // All must outlive this.
  Training(const TrialFile& trial, const PreparedData& data,
           Progress& progress);

  // Takes over what the trial's checkpoint holds, if it names one.
  Done Resume();

  TrainingOutcome Run();

 private:
  enum class EpochEnd { kFinished, kSpent, kStopped };

  void SplitValidation();
  Done ResumeFrom(SavedState saved);
  void ResumeOptimizer(SavedState& saved);
  bool SecondsAreSpent() const;
  bool NothingIsLeft() const;
  // The rest of the present epoch, or as much of it as the budget allows.
  EpochEnd TrainEpoch();
  void TrainNextBatch(const torch::Tensor& rows);
  double ScheduledRate(const ScheduleConfig& schedule, double base) const;
  // Of the learning rate by optimizer.learning_rate.
  double RateSlope() const;
  BatchPlace Place() const;
  int64_t BatchesFrom(int64_t begin) const;  // To the end of an epoch.
  void MeasureTraining(const TrainingPosition& before);
  torch::Tensor TrainBatch(const torch::Tensor& rows);
  void LearnVectors();  // Where a step is due.
  int64_t BatchEnd(int64_t begin) const;
  Evaluation Evaluate(const Part& part);
  void Count(const torch::Tensor& outputs, const torch::Tensor& truth,
             Evaluation& evaluation) const;
  Metrics Quality(const Evaluation& evaluation) const;
  Metrics EpochMetrics(const Evaluation& evaluation) const;
  int64_t StepNow() const;
  bool ReportIsDue() const;
  void Report();
  std::optional<MetricGradient> GradientIfDue();
  bool Diverged() const { return !std::isfinite(position_.train_loss); }
  bool DivergedForGood() const;
  bool LossIsFinite() const;  // Of the present epoch so far.
  void SaveIfDue(double periods);
  void SaveAtEnd();
  CheckpointFolder::Write Writer();
  void AddFinalTest();
  void ReportConfusion();

  const TrialFile& trial_;
  const Configuration& config_;
  const PreparedData& data_;
  Progress& progress_;
  const torch::Device device_;
  const int64_t last_epoch_;
  const int64_t horizon_;
  const std::optional<int64_t> horizon_seconds_;

  const AugmentationTensors magnitudes_;
  Part train_;
  Part outer_;       // What vectors are learnt from.
  Part validation_;  // What is reported; apart from `outer_`.
  torch::nn::Sequential network_;
  std::vector<torch::Tensor> weights_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  std::unique_ptr<OnlineRate> online_rate_;
  std::unique_ptr<VectorLearner> vectors_;
  std::unique_ptr<HypergradientProbe> probe_;

  CheckpointFolder checkpoints_;

  // Its `order` is that of the present epoch's beginning.
  TrainingPosition position_;
  torch::Tensor loss_sum_;                    // Of the present epoch.
  bool unsaved_ = false;                      // Trained since it was saved.
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
      horizon_seconds_(HorizonSeconds(trial)),
      magnitudes_(TensorsOf(config_.augmentation,
                            torch::TensorOptions().device(device_))),
      train_(ToDevice(data.train, data.shape, device_)),
      validation_(ToDevice(data.validation, data.shape, device_)),
      checkpoints_(trial.checkpoint, config_.checkpoint.every_seconds,
                   progress) {
  SplitValidation();
  UseThreads(config_.threads);
  SetSeed(SeedOf(trial));
  network_ = MakeModel(config_.model, data.shape,
                       OutputsFor(config_.loss, data.classes));
  network_->to(device_);
  weights_ = network_->parameters();
  optimizer_ = MakeOptimizer(config_.optimizer, weights_);
  online_rate_ =
      std::make_unique<OnlineRate>(config_.optimizer.online_rate, weights_);
  vectors_ = std::make_unique<VectorLearner>(config_, network_, *optimizer_,
                                             train_, outer_, device_);
  probe_ = std::make_unique<HypergradientProbe>(
      trial, data, network_, *optimizer_, train_, validation_, device_,
      vectors_->values());
  loss_sum_ = torch::zeros(
      {}, torch::TensorOptions().dtype(torch::kDouble).device(device_));
  position_.order = Random(SeedOf(trial)).state();
}

// At least one example on each side.
void Training::SplitValidation() {
  if (!config_.vectors.Any()) return;
  const int64_t size = validation_.size();
  const int64_t count = std::clamp<int64_t>(
      std::llround(config_.vectors.fraction * static_cast<double>(size)), 1,
      size - 1);
  const auto slice = [](const Part& part, int64_t begin, int64_t end) {
    return Part{.inputs = part.inputs.slice(0, begin, end),
                .truth = part.truth.slice(0, begin, end)};
  };
  outer_ = slice(validation_, 0, count);
  validation_ = slice(validation_, count, size);
}

Done Training::Resume() {
  if (trial_.resume.empty()) {
    if (trial_.budget.from > 0) {
      progress_.Note("There is no checkpoint: trained from the beginning.");
    }
    return Success();
  }
  TRAINER_ASSIGN_OR_RETURN(
      SavedState saved,
      SavedState::Open(trial_.resume + "/" + kCheckpointFile, device_));
  return ResumeFrom(std::move(saved));
}

Done Training::ResumeFrom(SavedState saved) {
  const CheckpointHeader& header = saved.header();
  TRAINER_RETURN_IF_ERROR(CheckContinues(header, config_));
  if (header.train_examples != train_.size()) {
    progress_.Note("The checkpoint is of " +
                   std::to_string(header.train_examples) +
                   " training examples: trained from the beginning.");
    return Success();
  }
  saved.LoadNetwork(*network_);
  ResumeOptimizer(saved);
  saved.LoadOnlineRate(*online_rate_);
  saved.LoadVectors(*vectors_);
  if (header.device == device_.str()) saved.LoadRandom(device_);
  position_ = header.position;
  loss_sum_.fill_(position_.loss_sum);
  progress_.Note("Goes on from step " + std::to_string(position_.step) +
                 ", after " + std::to_string(position_.epoch) + " epochs.");
  return Success();
}

// What one optimizer knows of the gradients says nothing to another.
void Training::ResumeOptimizer(SavedState& saved) {
  const std::string own = NameOf(kOptimizerNames, config_.optimizer.kind);
  const std::string& theirs = saved.header().optimizer;
  if (theirs == own) return saved.LoadOptimizer(*optimizer_);
  progress_.Note("The checkpoint is of " + theirs + ": " + own +
                 " begins anew with its weights.");
}

TrainingOutcome Training::Run() {
  if (NothingIsLeft()) Report();
  while (!NothingIsLeft()) {
    if (TrainEpoch() == EpochEnd::kStopped) break;
    if (ReportIsDue()) Report();
    if (DivergedForGood()) break;
    if (!NothingIsLeft()) SaveIfDue(/*periods=*/1);
  }
  if (!outcome_.stopped.has_value()) AddFinalTest();
  ReportConfusion();
  SaveAtEnd();
  return outcome_;
}

bool Training::SecondsAreSpent() const {
  const Budget& budget = trial_.budget;
  return budget.unit == BudgetUnit::kSeconds && budget.to.has_value() &&
         position_.seconds >= static_cast<double>(*budget.to);
}

bool Training::NothingIsLeft() const {
  return position_.epoch >= last_epoch_ || SecondsAreSpent();
}

Training::EpochEnd Training::TrainEpoch() {
  const TrainingPosition before = position_;
  Random random(before.order);
  const std::vector<int64_t> order = random.Permutation(train_.size());
  const torch::Tensor rows = torch::tensor(order, torch::kInt64).to(device_);
  if (before.examples == 0) loss_sum_.zero_();
  network_->train();
  while (position_.examples < train_.size() && !SecondsAreSpent()) {
    TrainNextBatch(rows);
    outcome_.stopped = progress_.StopReason();
    if (outcome_.stopped.has_value()) return EpochEnd::kStopped;
    if (position_.examples < train_.size()) SaveIfDue(/*periods=*/2);
  }
  MeasureTraining(before);
  if (position_.examples < train_.size()) return EpochEnd::kSpent;
  ++position_.epoch;
  position_.examples = 0;
  position_.order = random.state();
  return EpochEnd::kFinished;
}

void Training::TrainNextBatch(const torch::Tensor& rows) {
  const auto begin_time = std::chrono::steady_clock::now();
  const int64_t begin = position_.examples;
  const int64_t size = BatchEnd(begin) - begin;
  loss_sum_ +=
      TrainBatch(rows.narrow(0, begin, size)) * static_cast<double>(size);
  LearnVectors();
  position_.examples += size;
  position_.seconds += Since(begin_time).count();
  unsaved_ = true;
}

void Training::LearnVectors() {
  const Done step = vectors_->AfterBatch();
  if (step.ok()) return;
  const std::string reason = "No step of the vectors in epoch " +
                             std::to_string(position_.epoch + 1) + ": " +
                             step.error().message + ".";
  progress_.Attribute("vector_failure", reason);
}

double Training::ScheduledRate(const ScheduleConfig& schedule,
                               double base) const {
  if (horizon_seconds_.has_value() && schedule.kind == ScheduleKind::kCosine) {
    return LearningRate(schedule, base, position_.seconds, *horizon_seconds_);
  }
  const double progress = static_cast<double>(position_.epoch) +
                          static_cast<double>(position_.examples) /
                              static_cast<double>(train_.size());
  return LearningRate(schedule, base, progress, horizon_);
}

// Every schedule is linear in its base; the online factor counts as constant.
double Training::RateSlope() const {
  ScheduleConfig homogeneous = config_.schedule;
  homogeneous.minimum = 0;
  return online_rate_->state().factor * ScheduledRate(homogeneous, /*base=*/1);
}

int64_t Training::BatchesFrom(int64_t begin) const {
  const int64_t left = train_.size() - begin;
  const int64_t whole = left / config_.batch_size;
  const int64_t rest = left % config_.batch_size;
  const bool joined = rest == 1 && config_.model.batch_norm && whole > 0;
  return whole + (rest > 0 && !joined ? 1 : 0);
}

BatchPlace Training::Place() const {
  return {.epoch = position_.epoch,
          .batches_left = BatchesFrom(position_.examples),
          .batches_per_epoch = BatchesFrom(0)};
}

void Training::MeasureTraining(const TrainingPosition& before) {
  const auto begin_time = std::chrono::steady_clock::now();
  const auto loss_sum = loss_sum_.item<double>();  // Waits for a GPU.
  position_.seconds += Since(begin_time).count();
  position_.train_loss = loss_sum / static_cast<double>(position_.examples);
  if (position_.examples == before.examples) return;
  position_.examples_per_second =
      static_cast<double>(position_.examples - before.examples) /
      (position_.seconds - before.seconds);
}

// The last two batches are one if batch norm would see a single example.
int64_t Training::BatchEnd(int64_t begin) const {
  const int64_t end = std::min(begin + config_.batch_size, train_.size());
  const bool lonely = train_.size() - end == 1 && config_.model.batch_norm;
  return lonely ? train_.size() : end;
}

torch::Tensor Training::TrainBatch(const torch::Tensor& rows) {
  const Part batch = RowsOf(train_, rows);
  optimizer_->zero_grad();
  probe_->BeforeBatch(Place(), rows);
  vectors_->BeforeBatch(rows);
  const torch::Tensor loss = TrainingLoss(
      config_.loss, config_.loss_terms, vectors_->ExampleWeights(rows),
      network_->forward(Augmented(batch.inputs, magnitudes_)), batch.truth);
  loss.backward();
  AddPenaltyGradients(config_.regularization, weights_);
  vectors_->AddDecayGradients(weights_);
  position_.learning_rate =
      online_rate_->Next() *
      ScheduledRate(config_.schedule, config_.optimizer.learning_rate);
  probe_->AtRate(position_.learning_rate, RateSlope());
  vectors_->AtRate(position_.learning_rate, RateSlope());
  SetLearningRate(*optimizer_, position_.learning_rate);
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
  metrics.push_back({"train_loss", position_.train_loss});
  metrics.push_back({"learning_rate", position_.learning_rate});
  metrics.push_back({"examples_per_second", position_.examples_per_second});
  const Metrics summary = vectors_->Summary();
  metrics.insert(metrics.end(), summary.begin(), summary.end());
  return metrics;
}

int64_t Training::StepNow() const {
  const Budget& budget = trial_.budget;
  switch (budget.unit) {
    case BudgetUnit::kSteps:
      return position_.epoch;
    case BudgetUnit::kSeconds:
      if (SecondsAreSpent()) return *budget.to;
      return static_cast<int64_t>(position_.seconds);
    case BudgetUnit::kExamples:
      return train_.size();
  }
  TORCH_CHECK(false, "unknown budget unit");
}

bool Training::ReportIsDue() const {
  if (DivergedForGood()) return true;
  switch (trial_.budget.unit) {
    case BudgetUnit::kSteps:
      return position_.epoch > trial_.budget.from;
    case BudgetUnit::kSeconds:
      return NothingIsLeft() ||
             StepNow() > std::max(trial_.budget.from, position_.step);
    case BudgetUnit::kExamples:
      return NothingIsLeft();
  }
  TORCH_CHECK(false, "unknown budget unit");
}

void Training::Report() {
  const Evaluation evaluation = Evaluate(validation_);
  confusion_ = evaluation.confusion;
  outcome_.metrics = EpochMetrics(evaluation);
  position_.step = StepNow();
  const std::optional<MetricGradient> gradient = GradientIfDue();
  Metrics reported = outcome_.metrics;
  if (gradient.has_value()) {
    reported.push_back({"gradient_seconds", gradient->seconds});
    if (gradient->residual.has_value()) {
      reported.push_back({"gradient_residual", *gradient->residual});
    }
  }
  progress_.Report(position_.step, reported, gradient);
}

std::optional<MetricGradient> Training::GradientIfDue() {
  const int64_t epoch = position_.epoch;
  if (position_.examples > 0 || !probe_->DueAfter(epoch)) return std::nullopt;
  const auto gradient = probe_->Measure(epoch, position_.learning_rate);
  if (gradient.ok()) return *gradient;
  const std::string reason = "No gradient after " + std::to_string(epoch) +
                             " epochs: " + gradient.error().message + ".";
  progress_.Note(reason);
  progress_.Attribute("gradient_failure", reason);
  return std::nullopt;
}

bool Training::DivergedForGood() const {
  return Diverged() && config_.divergence == OnDivergence::kStop;
}

bool Training::LossIsFinite() const {
  return std::isfinite(loss_sum_.item<double>());
}

void Training::SaveIfDue(double periods) {
  if (!checkpoints_.Due(periods) || !LossIsFinite()) return;
  checkpoints_.Save(position_.step, Writer());
  unsaved_ = false;
}

// Who completed is gone on from only where somebody wants to; who was stopped
// may have been asked to make room.
void Training::SaveAtEnd() {
  const bool wanted = outcome_.stopped.has_value() || trial_.final_checkpoint;
  if (wanted && unsaved_ && LossIsFinite()) {
    checkpoints_.SaveLast(position_.step, Writer());
  }
}

CheckpointFolder::Write Training::Writer() {
  return [this](const std::string& path) {
    CheckpointHeader header = {
        .identity = IdentityOf(config_),
        .optimizer = NameOf(kOptimizerNames, config_.optimizer.kind),
        .device = device_.str(),
        .train_examples = train_.size(),
        .position = position_};
    header.position.loss_sum = loss_sum_.item<double>();
    header.position.rate_factor = online_rate_->state().factor;
    return SaveState(
        path, header,
        {*network_, *optimizer_, *online_rate_, *vectors_, device_});
  };
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
    Training training(trial, data, progress);
    TRAINER_RETURN_IF_ERROR(training.Resume());
    return training.Run();
  } catch (const std::exception& error) {
    return Failure(std::string("training failed: ") + error.what());
  }
}

}  // namespace assay
