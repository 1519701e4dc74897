#include "worker/trainer/hypergradient/hypergradient_probe.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "worker/trainer/random_state.h"

namespace assay {
namespace {

// Below, a solution is as good as its data.
constexpr double kTolerance = 1e-3;

double MetricScale(const Configuration& config, const PreparedData& data) {
  const bool own_unit = config.hypergradient.metric == "mse";
  return own_unit ? data.target_scale * data.target_scale : 1;
}

}  // namespace

HypergradientProbe::HypergradientProbe(
    const TrialFile& trial, const PreparedData& data,
    torch::nn::Sequential network, const torch::optim::Optimizer& optimizer,
    const Part& train, const Part& validation, torch::Device device,
    const VectorTensors& vectors)
    : trial_(trial),
      config_(trial.config.hypergradient),
      optimizer_(optimizer),
      train_(train),
      validation_(validation),
      device_(device),
      last_epoch_(LastEpoch(trial)),
      problem_(trial.config, std::move(network), train, device,
               MetricScale(trial.config, data), vectors,
               TrainedProblem::By::kParameters) {}

bool HypergradientProbe::Records() const {
  return config_.method == HypergradientMethod::kTruncated ||
         config_.method == HypergradientMethod::kForward;
}

// A budget in examples is reported once, at the end.
int64_t HypergradientProbe::NextDue(int64_t epoch) const {
  if (trial_.budget.unit == BudgetUnit::kExamples) return last_epoch_;
  return std::min(last_epoch_, (epoch / config_.every + 1) * config_.every);
}

bool HypergradientProbe::DueAfter(int64_t epochs) const {
  if (config_.method == HypergradientMethod::kNone || epochs < 1) return false;
  if (NextDue(epochs - 1) != epochs) return false;
  return !Records() || record_.has_value();
}

void HypergradientProbe::BeforeBatch(const BatchPlace& place,
                                     const torch::Tensor& rows) {
  if (!Records()) return;
  const int64_t due = NextDue(place.epoch);
  const int64_t left =
      (due - 1 - place.epoch) * place.batches_per_epoch + place.batches_left;
  if (!record_.has_value()) {
    if (config_.steps.has_value() && left > *config_.steps) return;
    record_ = RecordFrom(trial_.config.optimizer.kind, optimizer_);
  }
  record_->steps.push_back({.rows = rows,
                            .random = trial_.config.Draws()
                                          ? RandomState(device_)
                                          : torch::Tensor()});
}

void HypergradientProbe::AtRate(double learning_rate, double slope) {
  if (!record_.has_value()) return;
  record_->steps.back().learning_rate = learning_rate;
  record_->steps.back().rate_slope = slope;
}

Result<MetricGradient> HypergradientProbe::Measure(int64_t epochs,
                                                   double learning_rate) {
  const RandomStateKeeper keeper(device_);
  const auto gradient = Compute(epochs, learning_rate);
  record_.reset();
  if (!gradient.ok()) return gradient.error();
  return Told(*gradient);
}

// Memory that does not suffice is no reason to end the training.
Result<Hypergradient> HypergradientProbe::Compute(int64_t epochs,
                                                  double learning_rate) const {
  try {
    Random random(SeedOf(trial_) + static_cast<uint64_t>(epochs));
    return ComputeHypergradient(
        [&](int64_t index) { return SplitOf(index, random); }, Splits(),
        problem_.Hyper(), Options(learning_rate));
  } catch (const std::exception& error) {
    return Failure(error.what());
  }
}

int64_t HypergradientProbe::Splits() const {
  return std::min({config_.splits, validation_.size(), train_.size()});
}

Part HypergradientProbe::ValidationSplit(int64_t index) const {
  return {.inputs = validation_.inputs.slice(0, index, c10::nullopt, Splits()),
          .truth = validation_.truth.slice(0, index, c10::nullopt, Splits())};
}

ProblemSplit HypergradientProbe::SplitOf(int64_t index, Random& random) const {
  const Part validation = ValidationSplit(index);
  if (Records()) {
    return problem_.OfPath(*record_, PathRows(index, random), validation);
  }
  const int64_t count =
      std::min(config_.batches * trial_.config.batch_size, train_.size());
  return problem_.OfWeights(Weights(), RandomRows(count, random), validation);
}

std::vector<torch::Tensor> HypergradientProbe::PathRows(int64_t index,
                                                        Random& random) const {
  std::vector<torch::Tensor> rows;
  for (const RecordedStep& step : record_->steps) {
    rows.push_back(index == 0 ? step.rows
                              : RandomRows(step.rows.size(0), random));
  }
  return rows;
}

// Without repetition (Floyd's sampling would save memory, not time).
torch::Tensor HypergradientProbe::RandomRows(int64_t count,
                                             Random& random) const {
  std::vector<int64_t> rows = random.Permutation(train_.size());
  rows.resize(static_cast<size_t>(count));
  return torch::tensor(rows, torch::kInt64).to(device_);
}

Tensors HypergradientProbe::Weights() const {
  Tensors weights;
  for (const torch::Tensor& weight : optimizer_.param_groups()[0].params()) {
    weights.push_back(weight.detach());
  }
  return weights;
}

HypergradientOptions HypergradientProbe::Options(double learning_rate) const {
  return {.method = config_.method,
          .curvature = config_.curvature,
          .damping = config_.damping,
          .terms = config_.terms,
          .tolerance = kTolerance,
          .descent_rate = learning_rate};
}

MetricGradient HypergradientProbe::Told(const Hypergradient& gradient) const {
  MetricGradient told;
  told.metric = config_.metric;
  for (size_t i = 0; i < config_.parameters.size(); ++i) {
    told.by_parameter.push_back(
        {.parameter = config_.parameters[i],
         .value = gradient.values[i].item<double>(),
         .deviation = gradient.deviations[i].item<double>()});
  }
  told.residual = gradient.residual;
  told.seconds = gradient.seconds;
  return told;
}

}  // namespace assay
