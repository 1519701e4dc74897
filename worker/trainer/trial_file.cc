#include "worker/trainer/trial_file.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "nlohmann/json.hpp"
#include "worker/trainer/choice_names.h"
#include "worker/trainer/configuration_reader.h"
#include "worker/trainer/hypergradient/parameters.h"
#include "worker/trainer/metrics.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr int64_t kStandardEpochs = 10;

// Reads members of the envelope; the first wrong one makes error().
class Envelope {
 public:
  explicit Envelope(const json& file) : file_(file) {}

  const std::optional<Error>& error() const { return error_; }

  // The member at a path of one or two names, or nullptr if it is not given.
  const json* Find(const std::vector<std::string>& path) {
    const json* at = &file_;
    for (const std::string& name : path) {
      if (!at->is_object()) {
        Refuse(path, *at, "does not lie in an object");
        return nullptr;
      }
      const auto found = at->find(name);
      if (found == at->end() || found->is_null()) return nullptr;
      at = &*found;
    }
    return at;
  }

  uint64_t Unsigned(const std::vector<std::string>& path, uint64_t most,
                    uint64_t standard) {
    const json* value = Find(path);
    if (value == nullptr) return standard;
    if (value->is_number_unsigned() && value->get<uint64_t>() <= most) {
      return value->get<uint64_t>();
    }
    Refuse(path, *value, "is not an integer from 0 to " + std::to_string(most));
    return standard;
  }

  bool Boolean(const std::vector<std::string>& path, bool standard) {
    const json* value = Find(path);
    if (value == nullptr) return standard;
    if (!value->is_boolean()) Refuse(path, *value, "is not true or false");
    return value->is_boolean() ? value->get<bool>() : standard;
  }

  std::string Text(const std::vector<std::string>& path) {
    const json* value = Find(path);
    if (value == nullptr) return "";
    if (!value->is_string()) Refuse(path, *value, "is not a string");
    return value->is_string() ? value->get<std::string>() : "";
  }

  // A count for which 0 is the same as none.
  std::optional<int64_t> Limit(const std::vector<std::string>& path) {
    constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
    const uint64_t limit = Unsigned(path, kMost, 0);
    if (limit == 0) return std::nullopt;
    return static_cast<int64_t>(limit);
  }

  BudgetUnit Unit(const std::vector<std::string>& path) {
    const json* value = Find(path);
    if (value == nullptr || *value == "STEPS") return BudgetUnit::kSteps;
    if (*value == "SECONDS") return BudgetUnit::kSeconds;
    if (*value == "EXAMPLES") return BudgetUnit::kExamples;
    Refuse(path, *value, "is not a unit; allowed: STEPS, SECONDS, EXAMPLES");
    return BudgetUnit::kSteps;
  }

  // "" means truncated.
  std::string GradientMethod(const std::vector<std::string>& path) {
    const std::string method = Text(path);
    if (method.empty()) return "truncated";
    std::vector<std::string> allowed;
    for (const auto& [name, kind] : kHypergradientNames) {
      if (kind != HypergradientMethod::kNone) allowed.emplace_back(name);
    }
    if (std::ranges::find(allowed, method) == allowed.end()) {
      Refuse(path, method, "is not a method; allowed: " + Join(allowed));
    }
    return method;
  }

  std::vector<std::string> Texts(const std::vector<std::string>& path) {
    const json* value = Find(path);
    if (value == nullptr) return {};
    const bool right = value->is_array() &&
                       std::ranges::all_of(*value, [](const json& element) {
                         return element.is_string();
                       });
    if (!right) Refuse(path, *value, "is not a list of strings");
    return right ? value->get<std::vector<std::string>>()
                 : std::vector<std::string>();
  }

  void Refuse(const std::vector<std::string>& path, const json& value,
              const std::string& complaint) {
    if (error_.has_value()) return;
    std::string key;
    for (const std::string& name : path) key += (key.empty() ? "" : ".") + name;
    error_ = BadConfiguration(
        key + ": " +
        value.dump(-1, ' ', false, json::error_handler_t::replace) + " " +
        complaint);
  }

 private:
  const json& file_;
  std::optional<Error> error_;
};

Done CheckMetrics(const std::vector<std::string>& wanted,
                  const Configuration& config) {
  std::vector<std::string> names = MetricNames(config.data.task);
  const std::vector<std::string> of_vectors = VectorMetricNames(config.vectors);
  names.insert(names.end(), of_vectors.begin(), of_vectors.end());
  const std::set<std::string> known(names.begin(), names.end());
  for (const std::string& metric : wanted) {
    // A final test's metrics come once, under their own names.
    const std::string plain =
        metric.starts_with("test_") ? metric.substr(5) : metric;
    if (known.contains(plain)) continue;
    return BadConfiguration("metrics: \"" + metric +
                            "\" is never reported by this training; allowed: " +
                            Join(names) + DidYouMean(metric, known));
  }
  return Success();
}

Budget ReadBudget(Envelope& envelope) {
  return {.unit = envelope.Unit({"budget", "unit"}),
          .from = envelope.Limit({"budget", "from"}).value_or(0),
          .to = envelope.Limit({"budget", "to"}),
          .max = envelope.Limit({"budget", "max"})};
}

// "gradients": what the study wants to know beside the metrics.
struct GradientRequest {
  std::string metric;  // Empty: the first objective.
  std::vector<std::string> parameters;
  std::string method;
  uint64_t every = 0;
  uint64_t work = 0;
  uint64_t splits = 0;
};

std::optional<GradientRequest> ReadGradients(Envelope& envelope) {
  if (envelope.Find({"gradients"}) == nullptr) return std::nullopt;
  constexpr uint64_t kMostEvery = uint64_t{1} << 53;
  return GradientRequest{
      .metric = envelope.Text({"gradients", "metric"}),
      .parameters = envelope.Texts({"gradients", "parameters"}),
      .method = envelope.GradientMethod({"gradients", "method"}),
      .every = envelope.Unsigned({"gradients", "every"}, kMostEvery, 0),
      .work = envelope.Unsigned({"gradients", "work"}, 10'000, 0),
      .splits = envelope.Unsigned({"gradients", "splits"}, 100, 0)};
}

// As the keys of `hypergradient`. Unlike there, that none of the trial's
// parameters will do is no mistake.
json HypergradientOf(const GradientRequest& request, const Budget& budget,
                     const std::vector<std::string>& objectives) {
  constexpr uint64_t kMostEpochs = 1'000'000;
  constexpr uint64_t kStandardSplits = 4;
  // Which epoch is the last of some seconds is known only afterwards.
  const bool ends_by_time = budget.unit == BudgetUnit::kSeconds;
  const uint64_t last = ends_by_time ? 1 : kMostEpochs;
  json keys = {
      {"method", request.method},
      {"every",
       request.every == 0 ? last : std::min(request.every, kMostEpochs)},
      {"splits", request.splits == 0 ? kStandardSplits : request.splits},
      {"parameters", request.parameters}};
  if (!request.metric.empty()) {
    keys["metric"] = request.metric;
  } else if (!objectives.empty()) {
    keys["metric"] = objectives.front();
  }
  if (request.work == 0 || request.method == "one_step") return keys;
  const bool implicit = request.method.starts_with("ift_");
  keys[implicit ? "terms" : "steps"] = request.work;
  return keys;
}

// Of the trial's parameters those that have a gradient; without any, none is
// asked for.
void ApplyOwnParameters(const json& parameters, Configuration& config) {
  HypergradientConfig& gradient = config.hypergradient;
  for (const auto& [key, value] : DifferentiableParameters(config)) {
    if (parameters.contains(key)) gradient.parameters.push_back(key);
  }
  if (gradient.parameters.empty()) gradient = HypergradientConfig();
}

// What the configuration says of `hypergradient` itself counts before the
// request; of one with a method of its own all.
Result<Configuration> ReadConfigurationWith(
    const std::optional<GradientRequest>& request, const Budget& budget,
    const std::vector<std::string>& objectives, json config,
    const json& parameters) {
  const ConfigurationReader given(config, parameters);
  if (!request.has_value() || !config.is_object() ||
      given.Has("hypergradient.method")) {
    return ReadConfiguration(config, parameters);
  }
  const json keys = HypergradientOf(*request, budget, objectives);
  for (const auto& [name, value] : keys.items()) {
    const std::string key = "hypergradient." + name;
    if (!given.Has(key)) config[key] = value;
  }
  TRAINER_ASSIGN_OR_RETURN(Configuration read,
                           ReadConfiguration(config, parameters));
  if (read.hypergradient.parameters.empty()) {
    ApplyOwnParameters(parameters, read);
  }
  return read;
}

// A budget in examples decides how many there are.
void ApplyExamples(TrialFile& trial) {
  const Budget& budget = trial.budget;
  if (budget.unit != BudgetUnit::kExamples || !budget.to.has_value()) return;
  std::optional<int64_t>& examples = trial.config.data.train_examples;
  examples = std::min(*budget.to, examples.value_or(*budget.to));
}

Done CheckBudget(const TrialFile& trial) {
  const Budget& budget = trial.budget;
  const bool steps = budget.unit == BudgetUnit::kSteps;
  if (!steps && !budget.to.has_value()) return Success();
  const int64_t end = steps ? LastEpoch(trial) : *budget.to;
  if (budget.from < end) return Success();
  return BadConfiguration("budget.from: " + std::to_string(budget.from) +
                          " leaves nothing to train; allowed: below " +
                          std::to_string(end));
}

Result<TrialFile> ReadEnvelope(const json& file) {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  Envelope envelope(file);
  TrialFile trial;
  trial.study_name = envelope.Text({"study", "name"});
  trial.trial_number =
      static_cast<int64_t>(envelope.Unsigned({"trial", "number"}, kMost, 0));
  trial.attempt =
      static_cast<int64_t>(envelope.Unsigned({"trial", "attempt"}, kMost, 1));
  trial.replicate =
      static_cast<int64_t>(envelope.Unsigned({"trial", "replicate"}, kMost, 0));
  trial.budget = ReadBudget(envelope);
  trial.seed =
      envelope.Unsigned({"seed"}, std::numeric_limits<uint64_t>::max(), 0);
  trial.final_test = envelope.Boolean({"final_test"}, false);
  trial.resume = envelope.Text({"resume", "folder"});
  trial.checkpoint = envelope.Text({"checkpoint", "folder"});
  trial.final_checkpoint = envelope.Boolean({"checkpoint", "final"}, false);
  const std::vector<std::string> metrics = envelope.Texts({"metrics"});
  const std::optional<GradientRequest> gradients = ReadGradients(envelope);
  if (envelope.error().has_value()) return *envelope.error();

  TRAINER_ASSIGN_OR_RETURN(
      trial.config,
      ReadConfigurationWith(gradients, trial.budget, metrics,
                            file.value("config", json::object()),
                            file.value("parameters", json::object())));
  TRAINER_RETURN_IF_ERROR(CheckMetrics(metrics, trial.config));
  ApplyExamples(trial);
  TRAINER_RETURN_IF_ERROR(CheckBudget(trial));
  return trial;
}

}  // namespace

Result<TrialFile> ParseTrialFile(const std::string& text) {
  json file;
  try {
    file = json::parse(text);
  } catch (const json::exception& error) {
    return BadConfiguration(std::string("not valid JSON: ") + error.what());
  }
  if (!file.is_object()) return BadConfiguration("not a JSON object");
  const bool envelope = file.contains("config") || file.contains("parameters");
  if (!envelope) file = {{"config", file}, {"parameters", json::object()}};
  for (const char* key : {"config", "parameters"}) {
    if (file.contains(key)) continue;
    return BadConfiguration(std::string(key) +
                            ": is missing; a trial file has config and "
                            "parameters");
  }
  return ReadEnvelope(file);
}

Result<TrialFile> ReadTrialFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return Failure(path + ": cannot be read");
  auto trial = ParseTrialFile(text.str());
  if (trial.ok()) return trial;
  return Error{trial.error().kind, path + ":\n" + trial.error().message};
}

int64_t LastEpoch(const TrialFile& trial) {
  constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  const std::optional<int64_t>& epochs = trial.config.epochs;
  const Budget& budget = trial.budget;
  if (!budget.to.has_value() || budget.unit == BudgetUnit::kExamples) {
    return epochs.value_or(kStandardEpochs);
  }
  if (budget.unit == BudgetUnit::kSeconds) return epochs.value_or(kNone);
  return std::min(*budget.to, epochs.value_or(*budget.to));
}

int64_t Horizon(const TrialFile& trial) {
  const int64_t last = LastEpoch(trial);
  if (trial.config.epochs.has_value()) return *trial.config.epochs;
  if (trial.budget.unit != BudgetUnit::kSteps) return last;
  return std::max(last, trial.budget.max.value_or(last));
}

std::optional<int64_t> HorizonSeconds(const TrialFile& trial) {
  const Budget& budget = trial.budget;
  if (budget.unit != BudgetUnit::kSeconds) return std::nullopt;
  if (trial.config.epochs.has_value()) return std::nullopt;
  if (!budget.to.has_value()) return std::nullopt;
  return std::max(*budget.to, budget.max.value_or(*budget.to));
}

uint64_t SeedOf(const TrialFile& trial) {
  if (!trial.config.seed.has_value()) return trial.seed;
  return *trial.config.seed + static_cast<uint64_t>(trial.replicate);
}

}  // namespace assay
