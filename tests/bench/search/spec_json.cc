#include "tests/bench/search/spec_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "tests/bench/search/algorithm_options.h"

namespace assay {
namespace {

using Json = nlohmann::json;

// Missing and misshapen fields throw Json::exception, caught by
// ReadStudySpec().

template <typename T>
std::optional<T> Optional(const Json& json, const char* field) {
  if (!json.contains(field)) return std::nullopt;
  return json.at(field).get<T>();
}

template <typename T>
struct Name {
  const char* name;
  T value;
};

template <typename T, size_t n>
absl::StatusOr<T> Find(const Name<T> (&names)[n], const std::string& name) {
  for (const Name<T>& known : names) {
    if (absl::AsciiStrToUpper(name) == known.name) return known.value;
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is unknown"));
}

constexpr Name<Scale> kScales[] = {{"LINEAR", Scale::kLinear},
                                   {"LOG", Scale::kLog},
                                   {"REVERSE_LOG", Scale::kReverseLog},
                                   {"LOGIT", Scale::kLogit}};
constexpr Name<Goal> kGoals[] = {{"MINIMIZE", Goal::kMinimize},
                                 {"MAXIMIZE", Goal::kMaximize}};

absl::StatusOr<Scale> ReadScale(const Json& json) {
  return Find(kScales, json.value("scale", "LINEAR"));
}

ParameterValue ReadValue(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  return json.get<std::string>();
}

std::vector<ParameterValue> ReadValues(const Json& json) {
  std::vector<ParameterValue> values;
  for (const Json& value : json.at("values")) {
    values.push_back(ReadValue(value));
  }
  return values;
}

absl::StatusOr<Domain> ReadDomain(const Json& json) {
  if (json.contains("double")) {
    const Json& range = json.at("double");
    ASSAY_ASSIGN_OR_RETURN(const Scale scale, ReadScale(range));
    return DoubleDomain{.min = range.at("min").get<double>(),
                        .max = range.at("max").get<double>(),
                        .scale = scale,
                        .step = Optional<double>(range, "step")};
  }
  if (json.contains("integer")) {
    const Json& range = json.at("integer");
    ASSAY_ASSIGN_OR_RETURN(const Scale scale, ReadScale(range));
    return IntegerDomain{.min = range.at("min").get<int64_t>(),
                         .max = range.at("max").get<int64_t>(),
                         .scale = scale,
                         .step = range.value("step", int64_t{1})};
  }
  if (json.contains("categorical")) {
    return CategoricalDomain{ReadValues(json.at("categorical"))};
  }
  return DiscreteDomain{
      json.at("discrete").at("values").get<std::vector<double>>()};
}

Prior ReadPrior(const Json& json) {
  if (json.contains("weights")) {
    return WeightsPrior{json.at("weights").get<std::vector<double>>()};
  }
  const Json& normal = json.at("normal");
  NormalPrior prior{.mean = normal.at("mean").get<double>()};
  prior.deviation = normal.value("deviation", prior.deviation);
  return prior;
}

absl::StatusOr<Parameter> ReadParameter(const Json& json) {
  Parameter parameter;
  parameter.name = json.at("name").get<std::string>();
  ASSAY_ASSIGN_OR_RETURN(parameter.domain, ReadDomain(json));
  if (json.contains("default")) {
    parameter.default_value = ReadValue(json.at("default"));
  }
  if (json.contains("when")) {
    const Json& when = json.at("when");
    parameter.when = {.parent = when.at("parent").get<std::string>(),
                      .values = ReadValues(when)};
  }
  if (json.contains("prior")) parameter.prior = ReadPrior(json.at("prior"));
  return parameter;
}

absl::StatusOr<MetricSpec> ReadMetricSpec(const Json& json) {
  MetricSpec metric{.name = json.at("name").get<std::string>(),
                    .bound = Optional<double>(json, "bound")};
  ASSAY_ASSIGN_OR_RETURN(metric.goal,
                         Find(kGoals, json.value("goal", "MINIMIZE")));
  return metric;
}

absl::StatusOr<Algorithm> ReadAlgorithm(const Json& json) {
  Algorithm algorithm{.name = json.value("algorithm", "auto")};
  const Json options = json.value("options", Json::object());
  for (const auto& [name, value] : options.items()) {
    ASSAY_RETURN_IF_ERROR(SetAlgorithmOption(algorithm, name, value));
  }
  return algorithm;
}

absl::StatusOr<SearchSpace> ReadSpace(const Json& json) {
  std::vector<Parameter> parameters;
  if (json.at("parameters").empty()) {
    return absl::InvalidArgumentError("parameters: there are none");
  }
  for (const Json& parameter : json.at("parameters")) {
    ASSAY_ASSIGN_OR_RETURN(parameters.emplace_back(), ReadParameter(parameter));
  }
  return SearchSpace::Create(
      std::move(parameters),
      json.value("constraints", std::vector<std::string>()));
}

absl::StatusOr<StudySpec> ReadStudySpecOrThrow(const Json& json) {
  StudySpec spec;
  spec.name = "bench";
  spec.seed = json.value("seed", uint64_t{0});
  for (const Json& metric : json.at("metrics")) {
    ASSAY_ASSIGN_OR_RETURN(spec.metrics.emplace_back(), ReadMetricSpec(metric));
  }
  ASSAY_ASSIGN_OR_RETURN(spec.space, ReadSpace(json));
  ASSAY_ASSIGN_OR_RETURN(spec.algorithm, ReadAlgorithm(json));
  spec.budget.max_parallel = Optional<int64_t>(json, "max_parallel");
  spec.budget.max_trials = Optional<int64_t>(json, "max_trials");
  return spec;
}

}  // namespace

absl::StatusOr<StudySpec> ReadStudySpec(const Json& json) {
  try {
    return ReadStudySpecOrThrow(json);
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

absl::StatusOr<Metrics> ReadMetrics(const Json& json) {
  Metrics metrics;
  if (!json.is_object()) {
    return absl::InvalidArgumentError("metrics: not an object");
  }
  for (const auto& [name, value] : json.items()) {
    if (!value.is_number() && !value.is_null()) {
      return absl::InvalidArgumentError(
          absl::StrCat("metric \"", name, "\": not a number"));
    }
    metrics[name] = value.is_null() ? std::nan("") : value.get<double>();
  }
  return metrics;
}

absl::StatusOr<Parameters> ReadParameters(const Json& json) {
  Parameters parameters;
  try {
    for (const auto& [name, value] : json.items()) {
      parameters[name] = ReadValue(value);
    }
    return parameters;
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

Json WriteParameters(const Parameters& parameters) {
  Json json = Json::object();
  for (const auto& [name, value] : parameters) {
    std::visit([&, key = name](const auto& v) { json[key] = v; }, value);
  }
  return json;
}

}  // namespace assay
