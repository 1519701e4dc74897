#include "worker/trainer/hypergradient/vector_learner.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "worker/trainer/random_state.h"

namespace assay {
namespace {

constexpr double kBeta1 = 0.5;
constexpr double kBeta2 = 0.999;
constexpr double kStepEpsilon = 1e-12;
constexpr double kLeastDecay = 1e-10;
constexpr double kMostDecay = 1000;
constexpr double kMostLogit = 10;
// Of the solver's residual: a step needs no better gradient.
constexpr double kStepTolerance = 1e-2;

double LogitOf(double share) { return std::log(share / (1 - share)); }

Tensors PenalizedOf(const torch::nn::Sequential& network) {
  Tensors penalized;
  for (const torch::Tensor& weight : network->parameters()) {
    if (weight.dim() >= 2) penalized.push_back(weight.detach());
  }
  return penalized;
}

VectorTensors VectorStart(const VectorsConfig& config,
                          const torch::nn::Sequential& network,
                          const Part& train) {
  VectorTensors start;
  if (config.weight_decay.learn) {
    for (const torch::Tensor& weight : PenalizedOf(network)) {
      start.log_decays.push_back(
          torch::full_like(weight, std::log(config.weight_decay.start)));
    }
  }
  if (config.example_weights.learn) {
    start.example_logits =
        torch::full({train.size()}, LogitOf(config.example_weights.start),
                    train.inputs.options());
  }
  return start;
}

std::string NameOfPart(const std::string& kind, size_t index) {
  return kind + std::to_string(index);
}

// A vector's own name, so that another one may come or go.
std::string PieceKey(const VectorTensors& values, const std::string& kind,
                     size_t index) {
  return index < values.log_decays.size() ? NameOfPart(kind + "_decay", index)
                                          : kind + "_examples";
}

void SaveTensors(const std::string& kind, const Tensors& tensors,
                 VectorLearner::State& state) {
  for (size_t i = 0; i < tensors.size(); ++i)
    state[NameOfPart(kind, i)] = tensors[i];
}

Tensors NumberedTensors(const std::string& kind,
                        const VectorLearner::State& state) {
  Tensors tensors;
  for (;;) {
    const auto found = state.find(NameOfPart(kind, tensors.size()));
    if (found == state.end()) return tensors;
    tensors.push_back(found->second);
  }
}

torch::Tensor DoublesOf(const std::vector<double>& numbers) {
  return torch::tensor(numbers, torch::kDouble);
}

void AddSummary(const std::string& name, const torch::Tensor& vector,
                Metrics& metrics) {
  const torch::Tensor sorted = std::get<0>(vector.to(torch::kDouble).sort());
  const auto at = [&sorted](double share) {
    const auto place = std::llround(share * (sorted.numel() - 1));
    return sorted[place].item<double>();
  };
  metrics.push_back({name + "_mean", sorted.mean().item<double>()});
  metrics.push_back(
      {name + "_deviation", sorted.std(/*unbiased=*/false).item<double>()});
  metrics.push_back({name + "_min", at(0)});
  metrics.push_back({name + "_q10", at(0.1)});
  metrics.push_back({name + "_median", at(0.5)});
  metrics.push_back({name + "_q90", at(0.9)});
  metrics.push_back({name + "_max", at(1)});
}

}  // namespace

VectorLearner::VectorLearner(const Configuration& config,
                             torch::nn::Sequential network,
                             const torch::optim::Optimizer& optimizer,
                             const Part& train, const Part& outer,
                             torch::Device device)
    : config_(config),
      vectors_(config.vectors),
      optimizer_(optimizer),
      outer_(outer),
      device_(device),
      values_(VectorStart(vectors_, network, train)),
      problem_(config, std::move(network), train, device, /*metric_scale=*/1,
               values_, TrainedProblem::By::kVectors) {
  for (const torch::Tensor& value : values_.All()) {
    pieces_.push_back({.first = torch::zeros_like(value),
                       .second = torch::zeros_like(value),
                       .count = torch::zeros_like(value)});
  }
}

torch::Tensor VectorLearner::ExampleWeights(const torch::Tensor& rows) const {
  if (!values_.example_logits.defined()) return {};
  return values_.example_logits.index_select(0, rows).sigmoid();
}

void VectorLearner::AddDecayGradients(
    const std::vector<torch::Tensor>& weights) const {
  if (values_.log_decays.empty()) return;
  const torch::NoGradGuard no_gradient;
  auto log_decay = values_.log_decays.begin();
  for (const torch::Tensor& weight : weights) {
    if (weight.dim() < 2) continue;
    torch::Tensor gradient = weight.grad();
    gradient.add_((log_decay++)->exp() * weight);
  }
}

bool VectorLearner::Replays() const {
  return vectors_.method == HypergradientMethod::kTruncated;
}

void VectorLearner::BeforeBatch(const torch::Tensor& rows) {
  if (!vectors_.Any()) return;
  if (Window() == 0 && Replays()) {
    record_ = RecordFrom(config_.optimizer.kind, optimizer_);
  }
  record_.steps.push_back({.rows = rows,
                           .random = Replays() && config_.Draws()
                                         ? RandomState(device_)
                                         : torch::Tensor()});
}

void VectorLearner::AtRate(double learning_rate, double slope) {
  if (Window() == 0) return;
  record_.steps.back().learning_rate = learning_rate;
  record_.steps.back().rate_slope = slope;
}

ProblemSplit VectorLearner::SplitNow() const {
  std::vector<torch::Tensor> rows;
  for (const RecordedStep& step : record_.steps) rows.push_back(step.rows);
  if (Replays()) return problem_.OfPath(record_, rows, outer_);
  Tensors weights;
  for (const torch::Tensor& weight : optimizer_.param_groups()[0].params()) {
    weights.push_back(weight.detach());
  }
  return problem_.OfWeights(weights, torch::cat(rows), outer_);
}

Done VectorLearner::AfterBatch() {
  if (!vectors_.Any() || Window() < vectors_.every) return Success();
  const double learning_rate = record_.steps.back().learning_rate;
  const RandomStateKeeper keeper(device_);
  auto gradient = ComputeHypergradient([this](int64_t) { return SplitNow(); },
                                       /*splits=*/1, problem_.Hyper(),
                                       {.method = vectors_.method,
                                        .damping = vectors_.damping,
                                        .terms = vectors_.terms,
                                        .tolerance = kStepTolerance,
                                        .descent_rate = learning_rate});
  record_ = TrainingRecord();
  if (!gradient.ok()) {
    ++failures_;
    return gradient.error();
  }
  Move(gradient->values, learning_rate);
  return Success();
}

void VectorLearner::Move(const Tensors& gradient, double learning_rate) {
  const torch::NoGradGuard no_gradient;
  const Interval decays = {
      .least = std::log(kLeastDecay),
      .most = std::log(std::min(kMostDecay, 1 / (4 * learning_rate)))};
  const Interval logits = {.least = -kMostLogit, .most = kMostLogit};
  size_t i = 0;
  for (torch::Tensor& log_decay : values_.log_decays) {
    log_decay =
        Moved(log_decay, gradient[i], vectors_.weight_decay,
              std::log(vectors_.weight_decay.start), decays, pieces_[i]);
    ++i;
  }
  if (!values_.example_logits.defined()) return;
  values_.example_logits =
      Moved(values_.example_logits, gradient[i], vectors_.example_weights,
            LogitOf(vectors_.example_weights.start), logits, pieces_[i]);
}

torch::Tensor VectorLearner::Moved(const torch::Tensor& value,
                                   const torch::Tensor& gradient,
                                   const VectorConfig& config, double start,
                                   const Interval& bounds, Piece& piece) const {
  const torch::Tensor seen = gradient != 0;
  const auto blend = [&seen](torch::Tensor& mean, const torch::Tensor& next,
                             double beta) {
    mean = torch::where(seen, beta * mean + (1 - beta) * next, mean);
  };
  blend(piece.first, gradient, kBeta1);
  blend(piece.second, gradient.square(), kBeta2);
  piece.count = piece.count + seen.to(piece.count.scalar_type());
  const torch::Tensor first =
      piece.first / (1 - torch::pow(kBeta1, piece.count));
  const torch::Tensor second =
      piece.second / (1 - torch::pow(kBeta2, piece.count));
  const double pull = std::min(1.0, config.rate * config.prior);
  const torch::Tensor moved =
      value - config.rate * first / (second.sqrt() + kStepEpsilon) -
      pull * (value - start);
  return torch::where(seen, moved.clamp(bounds.least, bounds.most), value);
}

Metrics VectorLearner::Summary() const {
  const torch::NoGradGuard no_gradient;
  Metrics metrics;
  if (!vectors_.Any()) return metrics;
  if (!values_.log_decays.empty()) {
    Tensors flat;
    for (const torch::Tensor& decay : values_.log_decays) {
      flat.push_back(decay.exp().flatten());
    }
    AddSummary("weight_decay", torch::cat(flat), metrics);
  }
  if (values_.example_logits.defined()) {
    const torch::Tensor weights = values_.example_logits.sigmoid();
    AddSummary("example_weight", weights, metrics);
    const double half = vectors_.example_weights.start / 2;
    metrics.push_back(
        {"example_weight_low",
         (weights < half).to(torch::kDouble).mean().item<double>()});
  }
  metrics.push_back({"vector_failures", static_cast<double>(failures_)});
  return metrics;
}

VectorLearner::State VectorLearner::ToSave() const {
  State state;
  const Tensors values = values_.All();
  for (size_t i = 0; i < values.size(); ++i) {
    state[PieceKey(values_, "value", i)] = values[i];
    state[PieceKey(values_, "first", i)] = pieces_[i].first;
    state[PieceKey(values_, "second", i)] = pieces_[i].second;
    state[PieceKey(values_, "count", i)] = pieces_[i].count;
  }
  if (vectors_.Any()) SaveWindow(state);
  return state;
}

void VectorLearner::SaveWindow(State& state) const {
  std::vector<double> rates;
  for (const RecordedStep& step : record_.steps) {
    const size_t index = rates.size() / 2;
    state[NameOfPart("rows", index)] = step.rows.clone();  // Of a long view.
    if (step.random.defined()) state[NameOfPart("random", index)] = step.random;
    rates.insert(rates.end(), {step.learning_rate, step.rate_slope});
  }
  state["rates"] = DoublesOf(rates);
  state["numbers"] = DoublesOf({static_cast<double>(failures_),
                                static_cast<double>(record_.steps_before),
                                static_cast<double>(config_.optimizer.kind)});
  SaveTensors("weight", record_.start.weights, state);
  SaveTensors("moment", record_.start.moments, state);
}

void VectorLearner::Continue(const State& state) {
  const auto restore = [&](const std::string& kind, size_t i,
                           torch::Tensor& tensor) {
    const auto found = state.find(PieceKey(values_, kind, i));
    if (found != state.end()) tensor = found->second;
  };
  for (size_t i = 0; i < pieces_.size(); ++i) {
    restore("value", i,
            i < values_.log_decays.size() ? values_.log_decays[i]
                                          : values_.example_logits);
    restore("first", i, pieces_[i].first);
    restore("second", i, pieces_[i].second);
    restore("count", i, pieces_[i].count);
  }
  if (vectors_.Any() && state.contains("numbers")) ContinueWindow(state);
}

void VectorLearner::ContinueWindow(const State& state) {
  const torch::Tensor numbers = state.at("numbers").to(torch::kCPU);
  failures_ = numbers[0].item<int64_t>();
  const Tensors rows = NumberedTensors("rows", state);
  const Tensors random = NumberedTensors("random", state);
  const torch::Tensor rates = state.at("rates").to(torch::kCPU);
  TrainingRecord record = {
      .start = {.weights = NumberedTensors("weight", state),
                .moments = NumberedTensors("moment", state)},
      .steps_before = numbers[1].item<int64_t>(),
      .steps = {}};
  if (Replays() && (record.start.weights.empty() ||
                    (config_.Draws() && random.size() < rows.size()) ||
                    numbers[2].item<int64_t>() !=
                        static_cast<int64_t>(config_.optimizer.kind))) {
    return;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    record.steps.push_back(
        {.rows = rows[i],
         .random = i < random.size() ? random[i].cpu() : torch::Tensor(),
         .learning_rate = rates[2 * index].item<double>(),
         .rate_slope = rates[2 * index + 1].item<double>()});
  }
  record_ = std::move(record);
}

}  // namespace assay
