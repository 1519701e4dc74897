#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "worker/trainer/result.h"

namespace assay {

// What to train, on what and how. The README holds the table of all keys with
// ranges and defaults; one that ReadConfiguration() returned keeps them all.

enum class Task { kClassification, kRegression };
enum class DataSource { kIdx, kCsv, kSynthetic };
enum class SyntheticKind { kBlobs, kSpirals, kLinear, kFriedman };
enum class ModelKind { kMlp, kCnn };
enum class Activation { kRelu, kLeakyRelu, kElu, kTanh, kGelu, kSilu };
enum class LossKind { kCrossEntropy, kMse, kLogLoss, kHinge };
enum class OptimizerKind { kSgd, kAdam, kAdamW, kRmsProp };
enum class ScheduleKind { kConstant, kStep, kCosine };
enum class DeviceKind { kAuto, kCpu, kCuda };
enum class OnDivergence { kStop, kContinue };
enum class HypergradientMethod {
  kNone,
  kIftNeumann,
  kIftCg,
  kTruncated,
  kForward,
  kOneStep
};
enum class CurvatureKind { kGaussNewton, kHessian };

// A part of a set: so many examples if given, else this fraction of it.
struct Share {
  std::optional<int64_t> examples;
  double fraction = 0;  // In [0, 1).
};

struct SyntheticConfig {
  SyntheticKind kind = SyntheticKind::kBlobs;
  int64_t examples = 1000;
  int64_t features = 2;
  int64_t classes = 3;  // Without meaning for a regression.
  double noise = 0;     // Standard deviation.
  uint64_t seed = 0;
};

struct DataConfig {
  std::string name;  // A relative path without "..", or "synthetic".
  DataSource source = DataSource::kIdx;
  Task task = Task::kClassification;
  std::string target;  // The CSV column to predict.
  std::optional<int64_t> train_examples;
  Share validation;
  std::optional<Share> test;  // Unset: the set's own test files, or a fifth.
  uint64_t split_seed = 0;
  bool standardize = true;
  SyntheticConfig synthetic;
};

struct ModelConfig {
  ModelKind kind = ModelKind::kMlp;
  int64_t depth = 0;   // MLP: hidden layers.
  int64_t width = 0;   // MLP: units a layer. CNN: channels of the first block.
  int64_t blocks = 0;  // CNN.
  int64_t kernel = 0;  // CNN; odd.
  Activation activation = Activation::kRelu;
  double dropout = 0;  // The probability to drop.
  bool batch_norm = false;
};

// Of images in training; see augmentation.h.
struct AugmentationConfig {
  double rotation = 0;  // Degrees.
  double noise = 0;

  bool Any() const { return rotation > 0 || noise > 0; }
};

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::kAdam;
  double learning_rate = 0;
  double momentum = 0;
  bool nesterov = false;
  double beta1 = 0;
  double beta2 = 0;
  double alpha = 0;
  double epsilon = 0;
  double weight_decay = 0;
  double online_rate = 0;  // Of hypergradient descent; 0: a rate as scheduled.
};

struct RegularizationConfig {
  double l1 = 0;  // Adds l1 * sum |w| to the loss; weights only, not biases.
  double l2 = 0;  // Adds l2/2 * sum w^2; likewise.
  // By layer with weights, from 0 at the input: adds to l2.
  std::map<int64_t, double> layer_l2;
};

// What the training loss weighs otherwise than the validation loss.
struct LossTerms {
  double label_smoothing = 0;
  std::map<LossKind, double> loss_weights;  // Other losses, added.
  std::map<int64_t, double> class_weights;  // 1 where there is none.

  bool Plain() const {
    return label_smoothing == 0 && loss_weights.empty() &&
           class_weights.empty();
  }
};

struct ScheduleConfig {
  ScheduleKind kind = ScheduleKind::kConstant;
  int64_t step_size = 0;  // Epochs.
  double gamma = 0;
  double minimum = 0;
};

struct CheckpointConfig {
  double every_seconds = 0;  // 0: only at the end.
};

// Derivatives of `metric` by hyperparameters, see
// hypergradient/hypergradient.h.
struct HypergradientConfig {
  HypergradientMethod method = HypergradientMethod::kNone;
  std::vector<std::string> parameters;  // Keys of this configuration.
  std::string metric;
  int64_t every = 1;             // Epochs; and the last one.
  std::optional<int64_t> steps;  // Unset: all since the last gradient.
  int64_t terms = 0;
  CurvatureKind curvature = CurvatureKind::kGaussNewton;
  double damping = 0;
  int64_t batches = 0;  // Of training examples a split.
  int64_t splits = 1;
};

// A hyperparameter for each weight, or for each example, learnt within the
// training: see hypergradient/vector_learner.h.
struct VectorConfig {
  bool learn = false;
  double start = 0;  // In its own unit.
  double rate = 0;   // Of Adam, in the unit that is learnt in.
  double prior = 0;  // Back to the start, a step: this share of the rate.
};

struct VectorsConfig {
  VectorConfig weight_decay;
  VectorConfig example_weights;
  HypergradientMethod method = HypergradientMethod::kIftNeumann;
  int64_t every = 0;  // Batches.
  int64_t terms = 0;
  double damping = 0;
  double fraction = 0;  // Of the validation part, to learn from.

  bool Any() const { return weight_decay.learn || example_weights.learn; }
};

struct Configuration {
  DataConfig data;
  ModelConfig model;
  AugmentationConfig augmentation;
  LossKind loss = LossKind::kCrossEntropy;
  LossTerms loss_terms;
  OptimizerConfig optimizer;
  RegularizationConfig regularization;
  ScheduleConfig schedule;
  int64_t batch_size = 0;
  std::optional<int64_t> epochs;  // Unset: the trial's budget decides.
  std::optional<uint64_t> seed;   // Unset: the trial's.
  int64_t threads = 1;
  DeviceKind device = DeviceKind::kAuto;
  OnDivergence divergence = OnDivergence::kStop;
  CheckpointConfig checkpoint;
  HypergradientConfig hypergradient;
  VectorsConfig vectors;

  // Whether a training step draws from Torch's generator.
  bool Draws() const { return model.dropout > 0 || augmentation.Any(); }
};

// `config` is a nested object; each key of `parameters` is the dotted path of
// one configuration key, whose value it replaces. Unknown keys, wrong types,
// values out of range and keys that other choices make meaningless are errors;
// the message holds one line for each.
Result<Configuration> ReadConfiguration(const nlohmann::json& config,
                                        const nlohmann::json& parameters);

}  // namespace assay
