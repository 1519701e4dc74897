#include "proto/convert.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "proto/convert_checkpoint.h"
#include "proto/convert_schedule.h"
#include "proto/convert_stopping.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

namespace pb = google::protobuf;

constexpr double kMaxFreshnessSeconds = 60;
constexpr int32_t kMaxGridPoints = 1'000'000;
constexpr int32_t kMaxStartTrials = 100'000;
constexpr int32_t kMaxTpeCandidates = 10'000;
constexpr int32_t kMaxGpus = 1024;
constexpr int32_t kMaxAttemptsOfATrial = 100;

// --- Errors -----------------------------------------------------------------

absl::Status Invalid(absl::string_view path, absl::string_view value,
                     absl::string_view allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", value, "; ", allowed));
}

std::string Text(double value) { return ToText(ParameterValue(value)); }

// The first bytes of a text, cut between two characters.
absl::string_view Beginning(absl::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 &&
         (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) {
    --bytes;
  }
  return text.substr(0, bytes);
}

std::string Quote(absl::string_view text) {
  const absl::string_view shown = Beginning(text, 64);
  const std::string escaped = absl::Utf8SafeCEscape(shown);
  if (shown.size() == text.size()) return absl::StrCat("\"", escaped, "\"");
  return absl::StrCat("\"", escaped, "...\" (", text.size(), " bytes)");
}

// A status travels in a header of limited size, and a value may be long.
absl::Status Shortened(const absl::Status& status) {
  constexpr size_t kMaxBytes = 500;
  if (status.message().size() <= kMaxBytes) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(Beginning(status.message(), kMaxBytes), "..."));
}

std::string Element(absl::string_view list, int index) {
  return absl::StrCat(list, "[", index, "]");
}

// --- Checks -----------------------------------------------------------------

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

// `path` is made only for an error: this runs for each metric of each report.
template <typename Path>
absl::Status CheckName(const std::string& name, Path path) {
  if (name.empty()) return Invalid(path(), "missing", "1 to 256 bytes");
  if (name.size() > kMaxNameBytes) {
    return Invalid(path(), Quote(name), "at most 256 bytes");
  }
  if (HasControlCharacter(name)) {
    return Invalid(path(), Quote(name), "no control characters");
  }
  return absl::OkStatus();
}

absl::Status CheckStudyName(const std::string& name) {
  ASSAY_RETURN_IF_ERROR(CheckName(name, [] { return "name"; }));
  if (absl::StrContains(name, '/')) {
    return Invalid("name", Quote(name), "no '/', which parts owner and name");
  }
  const bool digits = std::all_of(name.begin(), name.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    return Invalid("name", Quote(name), "not only digits, which are an id");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ToOwner(const std::string& owner) {
  if (owner.empty()) return "local";
  ASSAY_RETURN_IF_ERROR(CheckName(owner, [] { return "owner"; }));
  if (absl::StrContains(owner, '/')) {
    return Invalid("owner", Quote(owner), "no '/', which parts owner and name");
  }
  return owner;
}

absl::Status CheckRange(absl::string_view path, int64_t value, int64_t min,
                        int64_t max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return Invalid(path, absl::StrCat(value), absl::StrCat(min, " to ", max));
}

// As CheckRange(), for a field in which 0 stands for `default_value`.
absl::StatusOr<int64_t> OrDefault(absl::string_view path, int64_t value,
                                  int64_t default_value, int64_t max) {
  if (value == 0) return default_value;
  if (value >= 1 && value <= max) return value;
  return Invalid(path, absl::StrCat(value),
                 absl::StrCat("1 to ", max, ", or 0 for ", default_value));
}

// --- Values -----------------------------------------------------------------

// Whole numbers as far as a double counts them are integers.
ParameterValue ToNumber(double number) {
  constexpr double kExact = static_cast<double>(kMaxInteger);
  if (std::abs(number) <= kExact && number == std::trunc(number)) {
    return static_cast<int64_t>(number);
  }
  return number;
}

template <typename Path>
absl::StatusOr<ParameterValue> ToValue(const pb::Value& value, Path path) {
  switch (value.kind_case()) {
    case pb::Value::kNumberValue:
      if (std::isfinite(value.number_value())) {
        return ToNumber(value.number_value());
      }
      return Invalid(path(), Text(value.number_value()), "a finite number");
    case pb::Value::kStringValue:
      return ParameterValue(value.string_value());
    case pb::Value::kBoolValue:
      return ParameterValue(value.bool_value());
    case pb::Value::kNullValue:
      return Invalid(path(), "null", "a string, a boolean or a number");
    case pb::Value::kStructValue:
      return Invalid(path(), "an object", "a string, a boolean or a number");
    case pb::Value::kListValue:
      return Invalid(path(), "a list", "a string, a boolean or a number");
    case pb::Value::KIND_NOT_SET:
      break;
  }
  return Invalid(path(), "missing", "a string, a boolean or a number");
}

absl::StatusOr<std::vector<ParameterValue>> ToValues(const pb::ListValue& list,
                                                     const std::string& path) {
  std::vector<ParameterValue> values;
  values.reserve(list.values_size());
  for (int i = 0; i < list.values_size(); ++i) {
    ASSAY_ASSIGN_OR_RETURN(ParameterValue value, ToValue(list.values(i), [&] {
                             return Element(path, i);
                           }));
    values.push_back(std::move(value));
  }
  return values;
}

// --- Metrics of a study -----------------------------------------------------

absl::StatusOr<Goal> ToGoal(v1::Goal goal, const std::string& path) {
  constexpr absl::string_view kAllowed = "MINIMIZE or MAXIMIZE";
  switch (goal) {
    case v1::MINIMIZE:
      return Goal::kMinimize;
    case v1::MAXIMIZE:
      return Goal::kMaximize;
    case v1::GOAL_UNSPECIFIED:
      return Invalid(path, "missing", kAllowed);
    default:
      return Invalid(path, absl::StrCat(static_cast<int>(goal)), kAllowed);
  }
}

absl::StatusOr<Select> ToSelect(v1::Select select, const std::string& path) {
  switch (select) {
    case v1::SELECT_UNSPECIFIED:
    case v1::LAST:
      return Select::kLast;
    case v1::BEST:
      return Select::kBest;
    default:
      return Invalid(path, absl::StrCat(static_cast<int>(select)),
                     "LAST or BEST");
  }
}

absl::StatusOr<MetricSpec> ToMetricSpec(const v1::Metric& message,
                                        const std::string& path) {
  ASSAY_RETURN_IF_ERROR(
      CheckName(message.name(), [&] { return absl::StrCat(path, ".name"); }));
  MetricSpec metric;
  metric.name = message.name();
  ASSAY_ASSIGN_OR_RETURN(metric.goal,
                         ToGoal(message.goal(), absl::StrCat(path, ".goal")));
  ASSAY_ASSIGN_OR_RETURN(
      metric.select, ToSelect(message.select(), absl::StrCat(path, ".select")));
  if (!message.has_bound()) return metric;
  if (!std::isfinite(message.bound())) {
    return Invalid(absl::StrCat(path, ".bound"), Text(message.bound()),
                   "a finite number");
  }
  metric.bound = message.bound();
  return metric;
}

absl::StatusOr<std::vector<MetricSpec>> ToMetricSpecs(
    const v1::StudySpec& message) {
  if (message.metrics_size() == 0) {
    return Invalid("metrics", "missing", "1 to 64, one without `bound`");
  }
  if (message.metrics_size() > kMaxMetrics) {
    return Invalid("metrics", absl::StrCat(message.metrics_size()),
                   "at most 64");
  }
  std::vector<MetricSpec> metrics;
  std::set<std::string> names;
  for (int i = 0; i < message.metrics_size(); ++i) {
    ASSAY_ASSIGN_OR_RETURN(
        MetricSpec metric,
        ToMetricSpec(message.metrics(i), Element("metrics", i)));
    if (!names.insert(metric.name).second) {
      return Invalid(absl::StrCat(Element("metrics", i), ".name"),
                     Quote(metric.name), "each name once");
    }
    metrics.push_back(std::move(metric));
  }
  const bool objective =
      std::any_of(metrics.begin(), metrics.end(),
                  [](const MetricSpec& metric) { return !metric.bound; });
  if (!objective) {
    return Invalid("metrics", "each has a `bound`",
                   "at least one objective, a metric without");
  }
  return metrics;
}

// --- Parameters of a study --------------------------------------------------

absl::StatusOr<Scale> ToScale(v1::Scale scale, const std::string& path) {
  switch (scale) {
    case v1::SCALE_UNSPECIFIED:
    case v1::LINEAR:
      return Scale::kLinear;
    case v1::LOG:
      return Scale::kLog;
    case v1::REVERSE_LOG:
      return Scale::kReverseLog;
    case v1::LOGIT:
      return Scale::kLogit;
    default:
      return Invalid(path, absl::StrCat(static_cast<int>(scale)),
                     "LINEAR, LOG, REVERSE_LOG or LOGIT");
  }
}

absl::StatusOr<Domain> ToDomain(const v1::DoubleDomain& message,
                                const std::string& path) {
  DoubleDomain domain;
  domain.min = message.min();
  domain.max = message.max();
  ASSAY_ASSIGN_OR_RETURN(
      domain.scale, ToScale(message.scale(), absl::StrCat(path, ".scale")));
  if (message.has_step()) domain.step = message.step();
  if (domain.min == domain.max) {
    return Invalid(absl::StrCat(path, ".max"), Text(domain.max),
                   "above min, which is the same");
  }
  return domain;
}

absl::StatusOr<Domain> ToDomain(const v1::IntegerDomain& message,
                                const std::string& path) {
  ASSAY_RETURN_IF_ERROR(CheckRange(absl::StrCat(path, ".min"), message.min(),
                                   -kMaxInteger, kMaxInteger));
  ASSAY_RETURN_IF_ERROR(CheckRange(absl::StrCat(path, ".max"), message.max(),
                                   -kMaxInteger, kMaxInteger));
  IntegerDomain domain{.min = message.min(), .max = message.max()};
  ASSAY_ASSIGN_OR_RETURN(
      domain.scale, ToScale(message.scale(), absl::StrCat(path, ".scale")));
  if (message.step() != 0) domain.step = message.step();
  return domain;
}

absl::StatusOr<Domain> ToDomain(const v1::CategoricalDomain& message,
                                const std::string& path) {
  CategoricalDomain domain;
  ASSAY_ASSIGN_OR_RETURN(
      domain.values, ToValues(message.values(), absl::StrCat(path, ".values")));
  return domain;
}

absl::StatusOr<Domain> ToDomain(const v1::DiscreteDomain& message,
                                const std::string&) {
  return DiscreteDomain{
      .values = {message.values().begin(), message.values().end()}};
}

absl::StatusOr<Domain> ToDomain(const v1::Parameter& message,
                                const std::string& path) {
  switch (message.domain_case()) {
    case v1::Parameter::kDouble:
      return ToDomain(message.double_(), absl::StrCat(path, ".double"));
    case v1::Parameter::kInteger:
      return ToDomain(message.integer(), absl::StrCat(path, ".integer"));
    case v1::Parameter::kCategorical:
      return ToDomain(message.categorical(),
                      absl::StrCat(path, ".categorical"));
    case v1::Parameter::kDiscrete:
      return ToDomain(message.discrete(), absl::StrCat(path, ".discrete"));
    case v1::Parameter::DOMAIN_NOT_SET:
      break;
  }
  return Invalid(path, "no domain",
                 "one of double, integer, categorical, discrete");
}

absl::StatusOr<Prior> ToPrior(const v1::Prior& message,
                              const std::string& path) {
  constexpr absl::string_view kAllowed = "one of normal, weights";
  const bool weights = message.weights_size() > 0;
  if (message.has_normal() && weights) return Invalid(path, "both", kAllowed);
  if (weights) {
    return WeightsPrior{{message.weights().begin(), message.weights().end()}};
  }
  if (!message.has_normal()) return Invalid(path, "missing", kAllowed);
  if (!message.normal().has_mean()) {
    return Invalid(absl::StrCat(path, ".normal.mean"), "missing",
                   "a number of the parameter's range");
  }
  NormalPrior normal{.mean = message.normal().mean()};
  if (message.normal().deviation() != 0) {
    normal.deviation = message.normal().deviation();
  }
  return normal;
}

absl::StatusOr<Parameter> ToParameter(const v1::Parameter& message,
                                      const std::string& path) {
  if (HasControlCharacter(message.name())) {
    return Invalid(absl::StrCat(path, ".name"), Quote(message.name()),
                   "no control characters");
  }
  Parameter parameter;
  parameter.name = message.name();
  ASSAY_ASSIGN_OR_RETURN(parameter.domain, ToDomain(message, path));
  if (message.has_default_()) {
    ASSAY_ASSIGN_OR_RETURN(parameter.default_value,
                           ToValue(message.default_(), [&] {
                             return absl::StrCat(path, ".default");
                           }));
  }
  if (message.has_when()) {
    parameter.when.emplace().parent = message.when().parent();
    ASSAY_ASSIGN_OR_RETURN(
        parameter.when->values,
        ToValues(message.when().values(), absl::StrCat(path, ".when.values")));
  }
  if (message.has_prior()) {
    ASSAY_ASSIGN_OR_RETURN(
        parameter.prior,
        ToPrior(message.prior(), absl::StrCat(path, ".prior")));
  }
  return parameter;
}

absl::StatusOr<SearchSpace> ToSearchSpace(const v1::StudySpec& message) {
  std::vector<Parameter> parameters;
  parameters.reserve(message.parameters_size());
  for (int i = 0; i < message.parameters_size(); ++i) {
    const v1::Parameter& parameter = message.parameters(i);
    const std::string path =
        absl::StrCat(Element("parameters", i), " ", Quote(parameter.name()));
    ASSAY_ASSIGN_OR_RETURN(Parameter value, ToParameter(parameter, path));
    parameters.push_back(std::move(value));
  }
  if (message.constraints_size() > kMaxConstraints) {
    return Invalid("constraints", absl::StrCat(message.constraints_size()),
                   "at most 1000");
  }
  absl::StatusOr<SearchSpace> space = SearchSpace::Create(
      std::move(parameters),
      {message.constraints().begin(), message.constraints().end()});
  if (!space.ok()) return Shortened(space.status());
  return space;
}

// --- How a study searches and stops -----------------------------------------

// The field that is set; strategies are named as the fields are.
std::string AlgorithmName(const v1::Algorithm& message) {
  const auto* field =
      v1::Algorithm::descriptor()->FindFieldByNumber(message.algorithm_case());
  return field == nullptr ? "auto" : field->name();
}

absl::StatusOr<Algorithm> ToAlgorithm(const v1::Algorithm& message) {
  Algorithm algorithm{.name = AlgorithmName(message),
                      .shuffle = message.grid().shuffle()};
  ASSAY_ASSIGN_OR_RETURN(
      algorithm.points_per_continuous,
      OrDefault("algorithm.grid.points", message.grid().points(),
                algorithm.points_per_continuous, kMaxGridPoints));
  const int32_t start_trials = message.bayesian().start_trials();
  ASSAY_RETURN_IF_ERROR(CheckRange("algorithm.bayesian.start_trials",
                                   start_trials, 0, kMaxStartTrials));
  algorithm.bayesian.start_trials = start_trials;
  ASSAY_ASSIGN_OR_RETURN(
      algorithm.candidates,
      OrDefault("algorithm.tpe.candidates", message.tpe().candidates(),
                algorithm.candidates, kMaxTpeCandidates));
  return algorithm;
}

// --- How workers run a trial ------------------------------------------------

absl::Status CheckConfig(const pb::Struct& config, const std::string& path,
                         int depth);

absl::Status CheckConfig(const pb::Value& value, const std::string& path,
                         int depth) {
  if (depth > kMaxConfigDepth) {
    return Invalid("trial.builtin.config",
                   absl::StrCat("nested deeper than ", kMaxConfigDepth),
                   "less");
  }
  switch (value.kind_case()) {
    case pb::Value::kNumberValue:
      if (std::isfinite(value.number_value())) return absl::OkStatus();
      return Invalid(path, Text(value.number_value()), "a finite number");
    case pb::Value::kStructValue:
      return CheckConfig(value.struct_value(), path, depth);
    case pb::Value::kListValue:
      for (int i = 0; i < value.list_value().values_size(); ++i) {
        ASSAY_RETURN_IF_ERROR(CheckConfig(value.list_value().values(i),
                                          Element(path, i), depth + 1));
      }
      return absl::OkStatus();
    case pb::Value::KIND_NOT_SET:
      return Invalid(path, "missing", "any JSON value");
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckConfig(const pb::Struct& config, const std::string& path,
                         int depth) {
  for (const auto& [key, value] : config.fields()) {
    ASSAY_RETURN_IF_ERROR(
        CheckConfig(value, absl::StrCat(path, ".", key), depth + 1));
  }
  return absl::OkStatus();
}

// A map's order in memory differs between processes: sort it, so that a study
// compares equal to itself.
std::string SerializeSorted(const pb::Message& message) {
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

absl::StatusOr<std::string> ToJson(const pb::Struct& config) {
  ASSAY_RETURN_IF_ERROR(CheckConfig(config, "trial.builtin.config", 0));
  const std::unique_ptr<pb::util::TypeResolver> types(
      pb::util::NewTypeResolverForDescriptorPool(
          "type.googleapis.com", pb::DescriptorPool::generated_pool()));
  std::string json;
  const pb::util::Status status = pb::util::BinaryToJsonString(
      types.get(), "type.googleapis.com/google.protobuf.Struct",
      SerializeSorted(config), &json);
  if (status.ok()) return json;
  return Invalid("trial.builtin.config", status.ToString(), "JSON");
}

absl::Status FillBuiltin(const v1::BuiltinRunner& builtin, TrialSpec& trial) {
  trial.runner = RunnerKind::kBuiltin;
  ASSAY_ASSIGN_OR_RETURN(trial.builtin_config_json, ToJson(builtin.config()));
  return absl::OkStatus();
}

absl::Status FillCommand(const v1::CommandRunner& command, TrialSpec& trial) {
  constexpr absl::string_view kPath = "trial.command.argv";
  if (command.argv_size() < 1 || command.argv_size() > kMaxArguments) {
    return Invalid(kPath, absl::StrCat(command.argv_size()),
                   "1 to 1000 arguments");
  }
  if (command.argv(0).empty()) {
    return Invalid(Element(kPath, 0), "\"\"", "a program");
  }
  for (int i = 0; i < command.argv_size(); ++i) {
    if (absl::StrContains(command.argv(i), '\0')) {
      return Invalid(Element(kPath, i), Quote(command.argv(i)),
                     "no zero byte, which would end it");
    }
  }
  trial.runner = RunnerKind::kCommand;
  trial.argv.assign(command.argv().begin(), command.argv().end());
  return absl::OkStatus();
}

absl::Status FillRunner(const v1::TrialTemplate& message, TrialSpec& trial) {
  switch (message.how_case()) {
    case v1::TrialTemplate::kBuiltin:
      return FillBuiltin(message.builtin(), trial);
    case v1::TrialTemplate::kRunner:
      trial.runner = RunnerKind::kNamed;
      trial.runner_name = message.runner().name();
      return CheckName(trial.runner_name, [] { return "trial.runner.name"; });
    case v1::TrialTemplate::kCommand:
      return FillCommand(message.command(), trial);
    case v1::TrialTemplate::HOW_NOT_SET:
      break;
  }
  return Invalid("trial", "nothing to run",
                 "one of builtin, runner, command; or no trial at all");
}

absl::StatusOr<TrialSpec> ToTrialSpec(const v1::TrialTemplate& message) {
  TrialSpec trial;
  ASSAY_RETURN_IF_ERROR(FillRunner(message, trial));
  ASSAY_RETURN_IF_ERROR(CheckRange("trial.resources.gpus",
                                   message.resources().gpus(), 0, kMaxGpus));
  trial.resources.gpus = message.resources().gpus();
  ASSAY_ASSIGN_OR_RETURN(
      trial.limits.max_failed,
      OrDefault("trial.max_attempts", message.max_attempts(),
                AttemptLimits().max_failed, kMaxAttemptsOfATrial));
  ASSAY_ASSIGN_OR_RETURN(
      trial.limits.max_lost,
      OrDefault("trial.max_lost", message.max_lost(), AttemptLimits().max_lost,
                kMaxAttemptsOfATrial));
  if (!std::isfinite(message.max_seconds()) || message.max_seconds() < 0) {
    return Invalid("trial.max_seconds", Text(message.max_seconds()),
                   "finite, above 0; or 0 for none");
  }
  if (message.max_seconds() > 0) trial.max_seconds = message.max_seconds();
  return trial;
}

absl::StatusOr<WarmStart> ToWarmStart(const v1::WarmStart& message,
                                      const std::string& path) {
  if (message.study().empty()) {
    return Invalid(absl::StrCat(path, ".study"), "empty",
                   "an id, \"owner/name\" or \"name\"");
  }
  switch (message.trust()) {
    case v1::SAME:
      return WarmStart{message.study(), Trust::kSame};
    case v1::SIMILAR:
      return WarmStart{message.study(), Trust::kSimilar};
    default:
      return Invalid(
          absl::StrCat(path, ".trust"),
          message.trust() == 0 ? "missing" : absl::StrCat(message.trust()),
          "SAME or SIMILAR");
  }
}

absl::StatusOr<std::vector<WarmStart>> ToWarmStarts(
    const v1::StudySpec& message) {
  std::vector<WarmStart> warm_starts;
  if (message.warm_start_size() > kMaxWarmStarts) {
    return Invalid("warm_start", absl::StrCat(message.warm_start_size()),
                   absl::StrCat("at most ", kMaxWarmStarts));
  }
  for (int i = 0; i < message.warm_start_size(); ++i) {
    ASSAY_ASSIGN_OR_RETURN(
        warm_starts.emplace_back(),
        ToWarmStart(message.warm_start(i), Element("warm_start", i)));
  }
  if (!warm_starts.empty() && message.parameters().empty()) {
    return Invalid("warm_start", absl::StrCat(warm_starts.size(), " studies"),
                   "none in a study without parameters: nothing is proposed");
  }
  return warm_starts;
}

absl::StatusOr<absl::Duration> ToMaxWait(const v1::Freshness& message) {
  if (message.always_fresh() && message.has_max_wait()) {
    return Invalid("freshness", "always_fresh and max_wait", "one of them");
  }
  if (message.always_fresh()) return absl::InfiniteDuration();
  if (!message.has_max_wait()) return StudySpec().max_wait;
  const double seconds = message.max_wait();
  if (seconds >= 0 && seconds <= kMaxFreshnessSeconds) {
    return absl::Seconds(seconds);
  }
  return Invalid("freshness.max_wait", Text(seconds), "0 to 60 seconds");
}

// --- Budget -----------------------------------------------------------------

absl::Status CheckLimit(absl::string_view path, int64_t value) {
  if (value >= 1) return absl::OkStatus();
  return Invalid(path, absl::StrCat(value), "at least 1, or absent for none");
}

absl::Status CheckLimit(absl::string_view path, double value) {
  if (std::isfinite(value) && value > 0) return absl::OkStatus();
  return Invalid(path, Text(value), "finite, above 0, or absent for none");
}

// --- Measurements -----------------------------------------------------------

absl::Status CheckCount(absl::string_view path, size_t size, size_t max) {
  if (size <= max) return absl::OkStatus();
  return Invalid(path, absl::StrCat(size), absl::StrCat("at most ", max));
}

// The values of a map of numbers whose keys are names.
absl::StatusOr<std::map<std::string, double>> ToNamedValues(
    const pb::Map<std::string, double>& map, absl::string_view path,
    size_t max) {
  ASSAY_RETURN_IF_ERROR(CheckCount(path, map.size(), max));
  std::map<std::string, double> values;
  for (const auto& [name, value] : map) {
    ASSAY_RETURN_IF_ERROR(CheckName(
        name, [&] { return absl::StrCat(path, ", the name of one"); }));
    values.emplace(name, value);
  }
  return values;
}

absl::Status FillGradients(const v1::Measurement& message,
                           Measurement& measurement) {
  ASSAY_RETURN_IF_ERROR(
      CheckCount("gradients", message.gradients().size(), kMaxMetrics));
  for (const auto& [metric, gradient] : message.gradients()) {
    ASSAY_RETURN_IF_ERROR(
        CheckName(metric, [] { return "gradients, the name of one"; }));
    ASSAY_ASSIGN_OR_RETURN(
        measurement.gradients[metric],
        ToNamedValues(gradient.by_parameter(),
                      absl::StrCat("gradients[", Quote(metric), "]"),
                      SearchSpace::kMaxParameters));
  }
  return absl::OkStatus();
}

// --- To messages ------------------------------------------------------------

void SetTime(absl::Time time, pb::Timestamp* message) {
  *message = ToTimestamp(time);
}

void SetOrigin(const Origin& origin, v1::Origin* message) {
  message->set_strategy(origin.strategy);
  message->set_why(origin.why);
  message->set_ordinal(origin.ordinal);
  message->set_seen_revision(origin.seen_revision);
  message->set_batch_index(origin.batch_index);
}

void SetValue(const ParameterValue& value, pb::Value* message) {
  if (const auto* number = std::get_if<double>(&value)) {
    message->set_number_value(*number);
  } else if (const auto* integer = std::get_if<int64_t>(&value)) {
    message->set_number_value(static_cast<double>(*integer));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    message->set_string_value(*text);
  } else {
    message->set_bool_value(std::get<bool>(value));
  }
}

void SetMetrics(const std::map<std::string, double>& metrics,
                pb::Map<std::string, double>* map) {
  for (const auto& [name, value] : metrics) (*map)[name] = value;
}

uint64_t SplitMix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace

absl::StatusOr<StudySpec> ToStudySpec(const v1::StudySpec& message) {
  if (message.ByteSizeLong() > kMaxSpecBytes) {
    return Invalid("spec", absl::StrCat(message.ByteSizeLong(), " bytes"),
                   "at most 1 MiB (1048576 bytes)");
  }
  ASSAY_RETURN_IF_ERROR(CheckStudyName(message.name()));
  StudySpec spec;
  spec.name = message.name();
  ASSAY_ASSIGN_OR_RETURN(spec.owner, ToOwner(message.owner()));
  ASSAY_ASSIGN_OR_RETURN(spec.metrics, ToMetricSpecs(message));
  ASSAY_ASSIGN_OR_RETURN(spec.space, ToSearchSpace(message));
  ASSAY_ASSIGN_OR_RETURN(spec.algorithm, ToAlgorithm(message.algorithm()));
  ASSAY_ASSIGN_OR_RETURN(spec.stopping,
                         ToStoppingSpec(message.stopping(), spec.metrics));
  if (message.has_trial()) {
    ASSAY_ASSIGN_OR_RETURN(spec.trial, ToTrialSpec(message.trial()));
  }
  ASSAY_ASSIGN_OR_RETURN(spec.budget, ToBudget(message.budget()));
  ASSAY_ASSIGN_OR_RETURN(spec.max_wait, ToMaxWait(message.freshness()));
  ASSAY_ASSIGN_OR_RETURN(
      spec.replicates,
      OrDefault("replicates.count", message.replicates().count(), 1,
                kMaxReplicates));
  if (spec.replicates > 1 && spec.space.empty()) {
    return Invalid("replicates.count", absl::StrCat(spec.replicates),
                   "1 in a study without parameters: nothing is proposed");
  }
  ASSAY_ASSIGN_OR_RETURN(spec.warm_start, ToWarmStarts(message));
  ASSAY_ASSIGN_OR_RETURN(spec.checkpoint_bytes,
                         ToCheckpointBytes(message.checkpoints()));
  if (message.has_schedule()) {
    ASSAY_ASSIGN_OR_RETURN(spec.schedule, ToSchedule(message.schedule(), spec));
  }
  spec.priority = message.priority();
  spec.note = message.note();
  spec.seed = message.seed();
  return spec;
}

absl::StatusOr<Budget> ToBudget(const v1::Budget& message) {
  Budget budget;
#define ASSAY_LIMIT(field)                                                \
  if (message.has_##field()) {                                            \
    ASSAY_RETURN_IF_ERROR(CheckLimit("budget." #field, message.field())); \
    budget.field = message.field();                                       \
  }
  ASSAY_LIMIT(max_trials)
  ASSAY_LIMIT(max_parallel)
  ASSAY_LIMIT(max_seconds)
  ASSAY_LIMIT(max_steps_total)
  ASSAY_LIMIT(max_training_seconds)
  ASSAY_LIMIT(max_failed)
#undef ASSAY_LIMIT
  if (!message.has_target()) return budget;
  if (!std::isfinite(message.target())) {
    return Invalid("budget.target", Text(message.target()),
                   "finite, or absent for none");
  }
  budget.target = message.target();
  return budget;
}

v1::Budget ToMessage(const Budget& budget) {
  v1::Budget message;
  if (budget.max_trials) message.set_max_trials(*budget.max_trials);
  if (budget.max_parallel) message.set_max_parallel(*budget.max_parallel);
  if (budget.max_seconds) message.set_max_seconds(*budget.max_seconds);
  if (budget.max_steps_total) {
    message.set_max_steps_total(*budget.max_steps_total);
  }
  if (budget.max_training_seconds) {
    message.set_max_training_seconds(*budget.max_training_seconds);
  }
  if (budget.max_failed) message.set_max_failed(*budget.max_failed);
  if (budget.target) message.set_target(*budget.target);
  return message;
}

absl::StatusOr<Parameters> ToParameters(
    const pb::Map<std::string, pb::Value>& map) {
  ASSAY_RETURN_IF_ERROR(
      CheckCount("parameters", map.size(), SearchSpace::kMaxParameters));
  Parameters parameters;
  for (const auto& [name, value] : map) {
    ASSAY_RETURN_IF_ERROR(
        CheckName(name, [] { return "parameters, the name of one"; }));
    ASSAY_ASSIGN_OR_RETURN(ParameterValue converted, ToValue(value, [&] {
                             return absl::StrCat("parameters[", Quote(name),
                                                 "]");
                           }));
    parameters.emplace(name, std::move(converted));
  }
  return parameters;
}

void ToMessage(const Parameters& parameters,
               pb::Map<std::string, pb::Value>* map) {
  for (const auto& [name, value] : parameters) SetValue(value, &(*map)[name]);
}

absl::StatusOr<Measurement> ToMeasurement(const v1::Measurement& message) {
  // So far that the next one and a study's sum of steps can be counted.
  ASSAY_RETURN_IF_ERROR(
      CheckRange("sequence", message.sequence(), 0, kMaxInteger));
  ASSAY_RETURN_IF_ERROR(CheckRange("step", message.step(), 0, kMaxInteger));
  const double elapsed = message.elapsed_seconds();
  if (!std::isfinite(elapsed) || elapsed < 0) {
    return Invalid("elapsed_seconds", Text(elapsed), "finite, at least 0");
  }
  if (message.metrics().empty()) {
    return Invalid("metrics", "missing", "1 to 64");
  }
  Measurement measurement;
  measurement.sequence = message.sequence();
  measurement.step = message.step();
  measurement.elapsed_seconds = elapsed;
  ASSAY_ASSIGN_OR_RETURN(measurement.metrics, ToMetrics(message.metrics()));
  ASSAY_RETURN_IF_ERROR(FillGradients(message, measurement));
  if (message.has_instance()) measurement.instance = message.instance();
  return measurement;
}

v1::Measurement ToMessage(const Measurement& measurement) {
  v1::Measurement message;
  message.set_sequence(measurement.sequence);
  message.set_step(measurement.step);
  message.set_elapsed_seconds(measurement.elapsed_seconds);
  SetMetrics(measurement.metrics, message.mutable_metrics());
  for (const auto& [metric, gradient] : measurement.gradients) {
    SetMetrics(gradient,
               (*message.mutable_gradients())[metric].mutable_by_parameter());
  }
  if (measurement.instance) message.set_instance(*measurement.instance);
  message.set_revision(measurement.revision);
  if (measurement.time != absl::Time()) {
    SetTime(measurement.time, message.mutable_time());
  }
  return message;
}

absl::StatusOr<Metrics> ToMetrics(const pb::Map<std::string, double>& map) {
  return ToNamedValues(map, "metrics", kMaxMetrics);
}

v1::Trial ToMessage(const Trial& trial, uint64_t study_seed) {
  v1::Trial message;
  message.set_id(trial.id.value);
  message.set_study_id(trial.study.value);
  message.set_number(trial.number);
  message.set_state(ToMessage(trial.state));
  ToMessage(trial.parameters, message.mutable_parameters());
  message.set_from_step(trial.from_step);
  message.set_to_step(trial.to_step);
  message.set_continues(trial.continues.value);
  message.set_retry_of(trial.retry_of.value);
  message.set_replicate(trial.replicate);
  SetOrigin(trial.origin, message.mutable_origin());
  message.set_spec_revision(trial.spec_revision);
  message.set_note(trial.note);
  message.set_attempts(trial.attempts);
  message.set_reason(trial.reason);
  SetMetrics(trial.final_metrics, message.mutable_final_metrics());
  message.set_last_step(trial.last_step);
  SetTime(trial.created, message.mutable_created());
  if (trial.started) SetTime(*trial.started, message.mutable_started());
  if (trial.ended) SetTime(*trial.ended, message.mutable_ended());
  message.set_revision(trial.revision);
  message.set_seed(TrialSeed(study_seed, trial.number));
  return message;
}

v1::Attempt ToMessage(const Attempt& attempt) {
  v1::Attempt message;
  message.set_number(attempt.number);
  message.set_holder(attempt.holder);
  message.set_by_worker(attempt.by_worker);
  SetTime(attempt.started, message.mutable_started());
  if (attempt.ended) SetTime(*attempt.ended, message.mutable_ended());
  message.set_outcome(ToMessage(attempt.outcome));
  message.set_reason(attempt.reason);
  message.set_stop_reason(attempt.stop_reason);
  message.set_training_seconds(attempt.training_seconds);
  message.set_lease_seconds(absl::ToDoubleSeconds(attempt.lease));
  return message;
}

v1::Study ToMessage(const Study& study) {
  v1::Study message;
  message.set_id(study.id.value);
  message.set_state(ToMessage(study.state));
  message.set_completion(ToMessage(study.completion));
  message.set_reason(study.reason);
  *message.mutable_counts() = ToMessage(study.counts);
  message.set_revision(study.revision);
  message.set_spec_revision(study.spec_revision);
  SetTime(study.created, message.mutable_created());
  if (study.first_lease) {
    SetTime(*study.first_lease, message.mutable_first_lease());
  }
  if (study.completed) SetTime(*study.completed, message.mutable_completed());
  message.set_seed(study.seed);
  return message;
}

v1::EarlierStudy ToMessage(const EarlierStudy& earlier) {
  v1::EarlierStudy message;
  message.set_id(earlier.id.value);
  message.set_name(earlier.name);
  message.set_revision(earlier.revision);
  message.set_trust(static_cast<v1::Trust>(earlier.trust));
  message.set_ended(earlier.ended);
  message.set_used(earlier.used);
  for (const auto& [reason, count] : earlier.unused) {
    v1::UnusedTrials* unused = message.add_unused();
    unused->set_reason(reason);
    unused->set_count(count);
  }
  return message;
}

v1::StudyCounts ToMessage(const StudyCounts& counts) {
  v1::StudyCounts message;
  message.set_trials(counts.trials);
  message.set_configurations(counts.configurations);
  message.set_pending(counts.pending);
  message.set_running(counts.running);
  message.set_completed(counts.completed);
  message.set_stopped(counts.stopped);
  message.set_failed(counts.failed);
  message.set_infeasible(counts.infeasible);
  message.set_measurements(counts.measurements);
  message.set_steps(counts.steps);
  message.set_training_seconds(counts.training_seconds);
  return message;
}

// Each enum has the numbers of its message; a test compares the names.

v1::Study::State ToMessage(StudyState state) {
  return static_cast<v1::Study::State>(state);
}

v1::Study::Completion ToMessage(CompletionReason reason) {
  return static_cast<v1::Study::Completion>(reason);
}

v1::Trial::State ToMessage(TrialState state) {
  return static_cast<v1::Trial::State>(state);
}

v1::Attempt::Outcome ToMessage(AttemptOutcome outcome) {
  return static_cast<v1::Attempt::Outcome>(outcome);
}

absl::StatusOr<TrialState> ToTrialState(v1::Trial::State state) {
  if (state != v1::Trial::STATE_UNSPECIFIED &&
      v1::Trial::State_IsValid(state)) {
    return static_cast<TrialState>(state);
  }
  return Invalid("state", absl::StrCat(static_cast<int>(state)),
                 "PENDING, RUNNING, COMPLETED, STOPPED, FAILED or INFEASIBLE");
}

pb::Timestamp ToTimestamp(absl::Time time) {
  const absl::Time clamped =
      std::clamp(time, absl::FromUnixSeconds(-62'135'596'800),
                 absl::FromUnixSeconds(253'402'300'799));
  const int64_t seconds = absl::ToUnixSeconds(clamped);
  pb::Timestamp message;
  message.set_seconds(seconds);
  const int64_t micros =
      absl::ToInt64Microseconds(clamped - absl::FromUnixSeconds(seconds));
  message.set_nanos(static_cast<int32_t>(1000 * micros));
  return message;
}

uint64_t TrialSeed(uint64_t study_seed, int64_t number) {
  constexpr int kDropped = 64 - 53;
  return SplitMix64(SplitMix64(study_seed) + static_cast<uint64_t>(number)) >>
         kDropped;
}

}  // namespace assay
