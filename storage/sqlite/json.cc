#include "storage/sqlite/json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr char kNaN[] = "NaN";
constexpr char kInfinity[] = "Infinity";
constexpr char kMinusInfinity[] = "-Infinity";

json ToJson(double value) {
  if (std::isnan(value)) return kNaN;
  if (std::isinf(value)) return value > 0 ? kInfinity : kMinusInfinity;
  return value;
}

json ToJson(const ParameterValue& value) {
  if (const double* number = std::get_if<double>(&value)) {
    if (std::isfinite(*number)) return *number;
    return {{"double", ToJson(*number)}};
  }
  if (const bool* truth = std::get_if<bool>(&value)) return *truth;
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return *integer;
  return std::get<std::string>(value);
}

json ToJson(const Metrics& metrics) {
  json object = json::object();
  for (const auto& [name, value] : metrics) object[name] = ToJson(value);
  return object;
}

json ToJson(const Parameters& parameters) {
  json object = json::object();
  for (const auto& [name, value] : parameters) object[name] = ToJson(value);
  return object;
}

json ToJson(const Gradients& gradients) {
  json object = json::object();
  for (const auto& [metric, row] : gradients) object[metric] = ToJson(row);
  return object;
}

json ToJson(const Counts& counts) { return counts; }

// dump() throws on what is not UTF-8, and on nothing else.
template <class Values>
absl::StatusOr<std::string> Encode(const Values& values) {
  if (values.empty()) return std::string("{}");
  try {
    return ToJson(values).dump();
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("a name or text is not UTF-8: ",
                     absl::CHexEscape(std::string(error.what()))));
  }
}

absl::Status Malformed(absl::string_view text) {
  return absl::DataLossError(
      absl::StrCat("stored JSON is malformed: ", text.substr(0, 100)));
}

std::optional<double> ToDouble(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (text == kNaN) return std::numeric_limits<double>::quiet_NaN();
  if (text == kInfinity) return std::numeric_limits<double>::infinity();
  if (text == kMinusInfinity) return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

std::optional<ParameterValue> ToParameterValue(const json& value) {
  if (value.is_number_float()) return value.get<double>();
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object() || !value.contains("double")) return std::nullopt;
  const std::optional<double> number = ToDouble(value["double"]);
  if (!number.has_value()) return std::nullopt;
  return *number;
}

std::optional<Metrics> ToMetrics(const json& object) {
  if (!object.is_object()) return std::nullopt;
  Metrics metrics;
  for (const auto& [name, value] : object.items()) {
    const std::optional<double> number = ToDouble(value);
    if (!number.has_value()) return std::nullopt;
    metrics.emplace_hint(metrics.end(), name, *number);
  }
  return metrics;
}

json Parse(absl::string_view text) {
  return json::parse(text.begin(), text.end(), nullptr,
                     /*allow_exceptions=*/false);
}

}  // namespace

absl::StatusOr<std::string> EncodeMetrics(const Metrics& metrics) {
  return Encode(metrics);
}

absl::StatusOr<std::string> EncodeCounts(const Counts& counts) {
  return Encode(counts);
}

absl::StatusOr<std::string> EncodeGradients(const Gradients& gradients) {
  return Encode(gradients);
}

absl::StatusOr<std::string> EncodeParameters(const Parameters& parameters) {
  return Encode(parameters);
}

absl::StatusOr<Metrics> DecodeMetrics(absl::string_view text) {
  if (text == "{}") return Metrics();
  std::optional<Metrics> metrics = ToMetrics(Parse(text));
  if (!metrics.has_value()) return Malformed(text);
  return *std::move(metrics);
}

absl::StatusOr<Counts> DecodeCounts(absl::string_view text) {
  const json object = Parse(text);
  if (!object.is_object()) return Malformed(text);
  Counts counts;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_number_integer()) return Malformed(text);
    counts.emplace_hint(counts.end(), name, value.get<int64_t>());
  }
  return counts;
}

absl::StatusOr<Gradients> DecodeGradients(absl::string_view text) {
  if (text == "{}") return Gradients();
  const json object = Parse(text);
  if (!object.is_object()) return Malformed(text);
  Gradients gradients;
  for (const auto& [metric, row] : object.items()) {
    std::optional<Metrics> numbers = ToMetrics(row);
    if (!numbers.has_value()) return Malformed(text);
    gradients.emplace_hint(gradients.end(), metric, *std::move(numbers));
  }
  return gradients;
}

absl::StatusOr<Parameters> DecodeParameters(absl::string_view text) {
  if (text == "{}") return Parameters();
  const json object = Parse(text);
  if (!object.is_object()) return Malformed(text);
  Parameters parameters;
  for (const auto& [name, value] : object.items()) {
    std::optional<ParameterValue> decoded = ToParameterValue(value);
    if (!decoded.has_value()) return Malformed(text);
    parameters.emplace_hint(parameters.end(), name, *std::move(decoded));
  }
  return parameters;
}

absl::StatusOr<std::string> EncodeManifest(const Manifest& manifest) {
  json files = json::array();
  for (const CheckpointFile& file : manifest.files) {
    json chunks = json::array();
    for (const std::string& hash : file.chunks) {
      chunks.push_back(absl::BytesToHexString(hash));
    }
    files.push_back({{"path", file.path},
                     {"size", file.size},
                     {"mode", file.mode},
                     {"chunks", std::move(chunks)}});
  }
  try {
    return files.dump();
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError("a path is not UTF-8");
  }
}

absl::StatusOr<Manifest> DecodeManifest(absl::string_view text) {
  const json files = Parse(text);
  if (!files.is_array()) return Malformed(text);
  Manifest manifest;
  try {
    for (const json& file : files) {
      CheckpointFile& to = manifest.files.emplace_back();
      to.path = file.at("path").get<std::string>();
      to.size = file.at("size").get<int64_t>();
      to.mode = file.at("mode").get<uint32_t>();
      for (const json& hash : file.at("chunks")) {
        to.chunks.push_back(absl::HexStringToBytes(hash.get<std::string>()));
      }
    }
  } catch (const json::exception&) {
    return Malformed(text);
  }
  return manifest;
}

}  // namespace assay
