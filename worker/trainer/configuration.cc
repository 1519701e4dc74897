#include "worker/trainer/configuration.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

#include "worker/trainer/choice_names.h"
#include "worker/trainer/configuration_reader.h"
#include "worker/trainer/hypergradient/parameters.h"

namespace assay {
namespace {

constexpr int64_t kMaxExamples = 100'000'000;
constexpr int64_t kMaxClasses = 1000;
constexpr int64_t kMaxSeed = 9'007'199'254'740'991;  // 2^53 - 1, exact in JSON.
constexpr Range kProbability = {.min = 0, .max = 1, .max_open = true};
constexpr Range kOpenFraction = {
    .min = 0, .max = 1, .min_open = true, .max_open = true};
constexpr Range kPenalty = {.min = 0, .max = 1000};
constexpr Range kPositive = {.min = 0, .max = 1000, .min_open = true};
constexpr Range kVectorRate = {.min = 0, .max = 10, .min_open = true};
constexpr Range kVectorPrior = {.min = 0, .max = 10};

bool IsCsv(const std::string& name) {
  return name.ends_with(".csv") || name.ends_with(".csv.gz");
}

// A name can never reach outside the data root.
bool IsSafeName(const std::string& name) {
  const std::filesystem::path path(name);
  if (name.empty() || path.is_absolute()) return false;
  if (name.find('\0') != std::string::npos) return false;
  for (const std::filesystem::path& part : path) {
    if (part == "..") return false;
  }
  return true;
}

DataSource SourceOf(const std::string& name) {
  if (name == "synthetic") return DataSource::kSynthetic;
  return IsCsv(name) ? DataSource::kCsv : DataSource::kIdx;
}

// `<part>_examples` or `<part>_fraction`, never both.
Share ReadShare(ConfigurationReader& in, const std::string& part,
                double standard, const Condition& condition) {
  const std::string examples = part + "_examples";
  const std::string fraction = part + "_fraction";
  Share share;
  share.fraction = in.Number(fraction, kOpenFraction, standard, condition);
  const int64_t count = in.Integer(examples, 1, kMaxExamples, 1, condition);
  if (in.Has(examples)) share.examples = count;
  if (in.Has(examples) && in.Has(fraction)) {
    in.Refuse(fraction, "is given beside " + examples + "; give one of them");
  }
  return share;
}

Task TaskOf(SyntheticKind kind) {
  return kind == SyntheticKind::kLinear || kind == SyntheticKind::kFriedman
             ? Task::kRegression
             : Task::kClassification;
}

SyntheticConfig ReadSynthetic(ConfigurationReader& in,
                              const Condition& chosen) {
  const std::string at = "data.synthetic.";
  SyntheticConfig data;
  data.kind = in.Choice<SyntheticKind>(at + "kind", kSyntheticNames,
                                       SyntheticKind::kBlobs, chosen);
  const auto with = [&](const std::vector<std::string>& kinds) {
    return chosen.holds ? in.With(at + "kind", kinds) : chosen;
  };
  const bool friedman = data.kind == SyntheticKind::kFriedman;
  data.examples = in.Integer(at + "examples", 10, 10'000'000, 1000, chosen);
  data.features =
      in.Integer(at + "features", friedman ? 5 : 1, 10'000, friedman ? 10 : 2,
                 with({"blobs", "linear", "friedman"}));
  data.classes =
      in.Integer(at + "classes", 2, 1000, 3, with({"blobs", "spirals"}));
  data.noise =
      in.Number(at + "noise", {.min = 0, .max = 1000},
                data.kind == SyntheticKind::kBlobs ? 1.0 : 0.1, chosen);
  data.seed = in.Integer(at + "seed", 0, kMaxSeed, 0, chosen);
  return data;
}

DataConfig ReadData(ConfigurationReader& in) {
  DataConfig data;
  data.name = in.Text("data.name", "fashion-mnist");
  if (!IsSafeName(data.name)) {
    in.Refuse("data.name",
              "is not the name of a set under the data root; allowed is a "
              "relative path without \"..\"");
  }
  data.source = SourceOf(data.name);
  const bool csv = data.source == DataSource::kCsv;
  const bool synthetic = data.source == DataSource::kSynthetic;
  const Condition for_csv = {
      csv, "allowed only when data.name is a CSV file (*.csv, *.csv.gz)"};
  const Condition for_synthetic = {
      synthetic, "allowed only when data.name is \"synthetic\""};

  data.target = in.Text("data.target", "", for_csv);
  if (csv && data.target.empty()) {
    in.Refuse("data.target",
              "names the column to predict; a CSV file needs it");
  }
  data.synthetic = ReadSynthetic(in, for_synthetic);
  data.task =
      in.Choice<Task>("data.task", kTaskNames, Task::kClassification, for_csv);
  if (synthetic) data.task = TaskOf(data.synthetic.kind);

  const int64_t train = in.Integer("data.train_examples", 1, kMaxExamples, 1);
  if (in.Has("data.train_examples")) data.train_examples = train;
  data.validation = ReadShare(in, "data.validation", 1.0 / 6, {});
  const Share test = ReadShare(in, "data.test", 0.2, {});
  if (data.source != DataSource::kIdx || in.Has("data.test_examples") ||
      in.Has("data.test_fraction")) {
    data.test = test;
  }
  data.split_seed = in.Integer("data.split_seed", 0, kMaxSeed, 0);
  data.standardize = in.Boolean("data.standardize", true);
  return data;
}

ModelConfig ReadModel(ConfigurationReader& in, const DataConfig& data) {
  ModelConfig model;
  model.kind = in.Choice<ModelKind>("model.name", kModelNames, ModelKind::kMlp);
  const bool cnn = model.kind == ModelKind::kCnn;
  const Condition for_mlp = in.With("model.name", {"mlp"});
  const Condition for_cnn = in.With("model.name", {"cnn"});
  if (cnn && data.source != DataSource::kIdx) {
    in.Refuse("model.name", "needs images; data.name \"" + data.name +
                                "\" has rows of numbers; allowed here: mlp");
  }
  model.depth = in.Integer("model.depth", 0, 32, 2, for_mlp);
  model.width = in.Integer("model.width", 1, 8192, cnn ? 16 : 128);
  model.blocks = in.Integer("model.blocks", 1, 8, 2, for_cnn);
  model.kernel = in.Integer("model.kernel", 1, 15, 3, for_cnn);
  if (model.kernel % 2 == 0) {
    in.Refuse("model.kernel", "is even; allowed: 1, 3, 5, ... 15");
  }
  model.activation = in.Choice<Activation>("model.activation", kActivationNames,
                                           Activation::kRelu);
  model.dropout = in.Number("model.dropout", kProbability, 0);
  model.batch_norm = in.Boolean("model.batch_norm", false);
  return model;
}

AugmentationConfig ReadAugmentation(ConfigurationReader& in,
                                    const DataConfig& data) {
  const Condition images = {
      data.source == DataSource::kIdx,
      "allowed only when data.name is a folder of images (IDX files)"};
  return {.rotation = in.Number("augmentation.rotation", {.min = 0, .max = 180},
                                0, images),
          .noise = in.Number("augmentation.noise", {.min = 0, .max = 10}, 0,
                             images)};
}

LossKind ReadLoss(ConfigurationReader& in, const DataConfig& data) {
  const bool regression = data.task == Task::kRegression;
  const LossKind loss = in.Choice<LossKind>(
      "loss", kLossNames,
      regression ? LossKind::kMse : LossKind::kCrossEntropy);
  if (regression && loss != LossKind::kMse) {
    in.Refuse("loss", "is for a classification; a regression allows: mse");
  }
  return loss;
}

OptimizerConfig ReadOptimizer(ConfigurationReader& in) {
  OptimizerConfig optimizer;
  optimizer.kind = in.Choice<OptimizerKind>("optimizer.name", kOptimizerNames,
                                            OptimizerKind::kAdam);
  const bool sgd = optimizer.kind == OptimizerKind::kSgd;
  const auto with = [&in](const std::vector<std::string>& names) {
    return in.With("optimizer.name", names);
  };
  optimizer.learning_rate =
      in.Number("optimizer.learning_rate", kPositive, sgd ? 0.05 : 0.001);
  optimizer.momentum = in.Number("optimizer.momentum", kProbability, 0,
                                 with({"sgd", "rmsprop"}));
  optimizer.nesterov = in.Boolean("optimizer.nesterov", false, with({"sgd"}));
  if (optimizer.nesterov && optimizer.momentum == 0) {
    in.Refuse("optimizer.nesterov", "needs optimizer.momentum above 0");
  }
  const Condition for_adam = with({"adam", "adamw"});
  optimizer.beta1 = in.Number("optimizer.beta1", kProbability, 0.9, for_adam);
  optimizer.beta2 = in.Number("optimizer.beta2", kProbability, 0.999, for_adam);
  optimizer.alpha =
      in.Number("optimizer.alpha", kProbability, 0.99, with({"rmsprop"}));
  optimizer.epsilon = in.Number("optimizer.epsilon", kPositive, 1e-8,
                                with({"adam", "adamw", "rmsprop"}));
  optimizer.weight_decay = in.Number("optimizer.weight_decay", kPenalty, 0);
  optimizer.online_rate =
      in.Number("optimizer.online_rate", {.min = 0, .max = 1}, 0);
  return optimizer;
}

RegularizationConfig ReadRegularization(ConfigurationReader& in,
                                        const ModelConfig& model) {
  return {.l1 = in.Number("regularization.l1", kPenalty, 0),
          .l2 = in.Number("regularization.l2", kPenalty, 0),
          .layer_l2 = in.NumbersBy("regularization.layers.", ".l2",
                                   LayersOf(model), "the layers", kPenalty)};
}

// Of the losses that want the same outputs as the chosen one.
std::map<LossKind, double> ReadLossWeights(ConfigurationReader& in,
                                           const Condition& for_classes) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> beside = {
      {"cross_entropy", {"hinge", "mse"}},
      {"hinge", {"cross_entropy", "mse"}},
      {"mse", {"cross_entropy", "hinge"}}};
  std::map<LossKind, double> weights;
  for (const auto& [name, losses] : beside) {
    const std::string key = "loss_weights." + name;
    const double weight =
        in.Number(key, kPenalty, 0,
                  for_classes.holds ? in.With("loss", losses) : for_classes);
    if (in.Has(key)) weights[ValueOf(kLossNames, name)] = weight;
  }
  return weights;
}

LossTerms ReadLossTerms(ConfigurationReader& in, const DataConfig& data) {
  const Condition for_classes = {
      data.task == Task::kClassification,
      "allowed only when data.task is \"classification\""};
  return {.label_smoothing = in.Number("label_smoothing", kProbability, 0,
                                       in.With("loss", {"cross_entropy"})),
          .loss_weights = ReadLossWeights(in, for_classes),
          .class_weights = in.NumbersBy("class_weights.", "", kMaxClasses,
                                        "the classes", kPenalty, for_classes)};
}

ScheduleConfig ReadSchedule(ConfigurationReader& in, double learning_rate) {
  ScheduleConfig schedule;
  schedule.kind = in.Choice<ScheduleKind>("schedule.name", kScheduleNames,
                                          ScheduleKind::kConstant);
  const Condition for_step = in.With("schedule.name", {"step"});
  schedule.step_size =
      in.Integer("schedule.step_size", 1, 1'000'000, 10, for_step);
  schedule.gamma = in.Number(
      "schedule.gamma", {.min = 0, .max = 1, .min_open = true}, 0.1, for_step);
  schedule.minimum = in.Number("schedule.minimum", {.min = 0, .max = 1000}, 0,
                               in.With("schedule.name", {"cosine"}));
  if (schedule.minimum > learning_rate) {
    in.Refuse("schedule.minimum",
              "is above optimizer.learning_rate; allowed: [0, learning rate]");
  }
  return schedule;
}

void ReadRun(ConfigurationReader& in, Configuration& config) {
  config.batch_size = in.Integer("batch_size", 1, 1'000'000, 128);
  const int64_t epochs = in.Integer("epochs", 1, 1'000'000, 10);
  if (in.Has("epochs")) config.epochs = epochs;
  const int64_t seed = in.Integer("seed", 0, kMaxSeed, 0);
  if (in.Has("seed")) config.seed = seed;
  config.threads = in.Integer("threads", 1, 1024, 1);
  config.device = in.Choice<DeviceKind>("device",
                                        {{"auto", DeviceKind::kAuto},
                                         {"cpu", DeviceKind::kCpu},
                                         {"cuda", DeviceKind::kCuda}},
                                        DeviceKind::kAuto);
  config.divergence = in.Choice<OnDivergence>(
      "divergence",
      {{"stop", OnDivergence::kStop}, {"continue", OnDivergence::kContinue}},
      OnDivergence::kStop);
  config.checkpoint.every_seconds =
      in.Number("checkpoint.every_seconds", {.min = 0, .max = 1e6}, 60);
  if (config.model.batch_norm && config.batch_size == 1) {
    in.Refuse("batch_size", "is too small for model.batch_norm; allowed: >= 2");
  }
}

// The metrics that have a gradient.
std::vector<std::string> SmoothMetrics(Task task) {
  if (task == Task::kRegression) return {"loss", "mse"};
  return {"loss"};
}

std::string ReadGradientMetric(ConfigurationReader& in, Task task,
                               const Condition& chosen) {
  const std::string key = "hypergradient.metric";
  std::string metric = in.Text(key, "loss", chosen);
  const std::vector<std::string> allowed = SmoothMetrics(task);
  if (std::ranges::find(allowed, metric) == allowed.end()) {
    in.Refuse(key, "has no gradient here; allowed: " + Join(allowed));
  }
  return metric;
}

std::set<std::string> KeysOf(const std::map<std::string, double>& values) {
  std::set<std::string> keys;
  for (const auto& [key, value] : values) keys.insert(key);
  return keys;
}

// Those that were named, else those of the trial's parameters that will do.
std::vector<std::string> ReadGradientParameters(ConfigurationReader& in,
                                                const Configuration& config,
                                                const Condition& chosen) {
  const std::string list = "hypergradient.parameters";
  std::vector<std::string> named = in.Texts(list, chosen);
  if (!chosen.holds) return {};
  const std::set<std::string> allowed =
      KeysOf(DifferentiableParameters(config));
  const std::string allowed_text =
      "; allowed with this method and configuration: " +
      Join({allowed.begin(), allowed.end()});
  for (const std::string& key : named) {
    if (allowed.contains(key)) continue;
    in.Refuse(list, "has \"" + key + "\", which has no gradient here" +
                        DidYouMean(key, allowed) + allowed_text);
  }
  if (in.Has(list)) return named;
  for (const std::string& key : allowed) {
    if (in.IsParameter(key)) named.push_back(key);
  }
  if (named.empty()) {
    in.Refuse(list, "is needed, since no parameter of the trial will do" +
                        allowed_text);
  }
  return named;
}

HypergradientConfig ReadHypergradient(ConfigurationReader& in,
                                      const Configuration& config) {
  using Method = HypergradientMethod;
  const std::string at = "hypergradient.";
  HypergradientConfig gradient;
  gradient.method =
      in.Choice<Method>(at + "method", kHypergradientNames, Method::kNone);
  const auto with = [&](const std::vector<std::string>& methods) {
    return in.With(at + "method", methods);
  };
  const Condition chosen =
      with({"ift_neumann", "ift_cg", "truncated", "forward", "one_step"});
  const Condition implicit = with({"ift_neumann", "ift_cg"});
  gradient.metric = ReadGradientMetric(in, config.data.task, chosen);
  gradient.every = in.Integer(at + "every", 1, 1'000'000, 1, chosen);
  const bool truncated = gradient.method == Method::kTruncated;
  const int64_t steps = in.Integer(at + "steps", 1, 1'000'000, 10,
                                   with({"truncated", "forward"}));
  if (truncated || in.Has(at + "steps")) gradient.steps = steps;
  gradient.terms = in.Integer(at + "terms", 1, 10'000, 20, implicit);
  gradient.curvature = in.Choice<CurvatureKind>(
      at + "curvature", kCurvatureNames, CurvatureKind::kGaussNewton, implicit);
  gradient.damping = in.Number(at + "damping", kPenalty, 1e-3, implicit);
  gradient.batches = in.Integer(at + "batches", 1, 1'000'000, 8,
                                with({"ift_neumann", "ift_cg", "one_step"}));
  gradient.splits = in.Integer(at + "splits", 1, 100, 2, chosen);
  Configuration with_method = config;
  with_method.hypergradient = gradient;
  gradient.parameters = ReadGradientParameters(in, with_method, chosen);
  return gradient;
}

// Without `learn` the rest has no meaning.
VectorConfig ReadVector(ConfigurationReader& in, const std::string& at,
                        Range allowed, const VectorConfig& standard) {
  VectorConfig vector;
  vector.learn = in.Boolean(at + "learn", false);
  const Condition learnt = {vector.learn,
                            "allowed only when " + at + "learn is true"};
  vector.start = in.Number(at + "start", allowed, standard.start, learnt);
  vector.rate = in.Number(at + "rate", kVectorRate, standard.rate, learnt);
  vector.prior = in.Number(at + "prior", kVectorPrior, standard.prior, learnt);
  return vector;
}

// The trial's own, unless it has none or can only do a few parameters.
HypergradientMethod StandardVectorMethod(HypergradientMethod method) {
  const bool any_number = method != HypergradientMethod::kNone &&
                          method != HypergradientMethod::kForward;
  return any_number ? method : HypergradientMethod::kIftNeumann;
}

VectorsConfig ReadVectors(ConfigurationReader& in,
                          HypergradientMethod gradient_method) {
  using Method = HypergradientMethod;
  const std::string at = "vectors.";
  VectorsConfig vectors;
  vectors.weight_decay = ReadVector(in, at + "weight_decay.", kPositive,
                                    {.start = 1e-4, .rate = 0.1, .prior = 0.1});
  vectors.example_weights =
      ReadVector(in, at + "example_weights.", kOpenFraction,
                 {.start = 0.5, .rate = 0.3, .prior = 0.1});
  const Condition any = {vectors.Any(),
                         "allowed only when vectors.weight_decay.learn or "
                         "vectors.example_weights.learn is true"};
  vectors.method =
      in.Choice<Method>(at + "method",
                        {{"ift_neumann", Method::kIftNeumann},
                         {"ift_cg", Method::kIftCg},
                         {"truncated", Method::kTruncated},
                         {"one_step", Method::kOneStep}},
                        StandardVectorMethod(gradient_method), any);
  const Condition implicit =
      any.holds ? in.With(at + "method", {"ift_neumann", "ift_cg"}) : any;
  vectors.every = in.Integer(at + "every", 1, 1'000'000, 10, any);
  vectors.terms = in.Integer(at + "terms", 1, 10'000, 20, implicit);
  vectors.damping = in.Number(at + "damping", kPenalty, 1e-3, implicit);
  vectors.fraction = in.Number(at + "fraction", kOpenFraction, 0.5, any);
  return vectors;
}

}  // namespace

Result<Configuration> ReadConfiguration(const nlohmann::json& config,
                                        const nlohmann::json& parameters) {
  ConfigurationReader in(config, parameters);
  Configuration read;
  read.data = ReadData(in);
  read.model = ReadModel(in, read.data);
  read.augmentation = ReadAugmentation(in, read.data);
  read.loss = ReadLoss(in, read.data);
  read.optimizer = ReadOptimizer(in);
  read.regularization = ReadRegularization(in, read.model);
  read.loss_terms = ReadLossTerms(in, read.data);
  read.schedule = ReadSchedule(in, read.optimizer.learning_rate);
  ReadRun(in, read);
  read.hypergradient = ReadHypergradient(in, read);
  read.vectors = ReadVectors(in, read.hypergradient.method);

  std::string message;
  for (const std::string& mistake : in.Mistakes()) {
    message += (message.empty() ? "" : "\n") + mistake;
  }
  if (!message.empty()) return BadConfiguration(message);
  return read;
}

}  // namespace assay
