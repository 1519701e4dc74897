#include "worker/trial_message.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "search/base/status_macros.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr size_t kMaxMetrics = 64;
constexpr size_t kMaxParameters = 1000;
constexpr size_t kMaxName = 256;
// Beyond, doubles and JSON lose whole numbers.
constexpr int64_t kMaxInteger = int64_t{1} << 53;
constexpr size_t kMaxAttribute = size_t{64} << 10;
constexpr size_t kMaxReason = size_t{64} << 10;

std::string Short(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 80) text = absl::StrCat(text.substr(0, 77), "...");
  return text;
}

absl::Status Wrong(absl::string_view key, const json& value,
                   absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", key, "\" is ", Short(value), "; it has to be ", allowed));
}

absl::StatusOr<double> ToNumber(absl::string_view key, const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return kInfinity;
    if (text == "-Infinity") return -kInfinity;
  }
  return Wrong(key, value, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
}

absl::StatusOr<int64_t> ToInteger(absl::string_view key, const json& value) {
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return Wrong(key, value, "below 2^63");
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) {  // Some languages write 3 as 3.0.
    const double number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) < 9e15) {
      return static_cast<int64_t>(number);
    }
  }
  return Wrong(key, value, "a whole number");
}

absl::StatusOr<int64_t> ToStep(absl::string_view key, const json& value) {
  ASSAY_ASSIGN_OR_RETURN(const int64_t step, ToInteger(key, value));
  if (step >= 0 && step <= kMaxInteger) return step;
  return Wrong(key, value, "0 to 2^53");
}

absl::StatusOr<std::string> ToText(absl::string_view key, const json& value,
                                   size_t max_bytes) {
  if (!value.is_string()) return Wrong(key, value, "a string");
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", key, "\" has ", text.size(), " bytes; the limit is ", max_bytes));
  }
  return text;
}

absl::Status CheckName(absl::string_view name) {
  if (!name.empty() && name.size() <= kMaxName) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a name has ", name.size(), " bytes; 1 to 256 are allowed"));
}

absl::StatusOr<Metrics> ToMetrics(absl::string_view key, const json& value) {
  if (!value.is_object()) return Wrong(key, value, "an object of numbers");
  if (value.size() > kMaxMetrics) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", key, "\" has ", value.size(), " entries; the limit is 64"));
  }
  Metrics metrics;
  for (const auto& [name, number] : value.items()) {
    ASSAY_RETURN_IF_ERROR(CheckName(name));
    ASSAY_ASSIGN_OR_RETURN(metrics[name], ToNumber(name, number));
  }
  return metrics;
}

using Gradients = std::map<std::string, std::map<std::string, double>>;

// Also of their deviations.
absl::StatusOr<Gradients> ToGradients(absl::string_view key,
                                      const json& value) {
  if (!value.is_object()) {
    return Wrong(key, value, "an object of objects of numbers");
  }
  Gradients gradients;
  if (value.size() > kMaxMetrics) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", key, "\" has more than 64 metrics"));
  }
  for (const auto& [metric, by_parameter] : value.items()) {
    ASSAY_RETURN_IF_ERROR(CheckName(metric));
    if (!by_parameter.is_object()) {
      return Wrong(metric, by_parameter, "an object of numbers");
    }
    if (by_parameter.size() > kMaxParameters) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the gradient of \"", metric, "\" has more than 1000 parameters"));
    }
    for (const auto& [parameter, number] : by_parameter.items()) {
      ASSAY_RETURN_IF_ERROR(CheckName(parameter));
      ASSAY_ASSIGN_OR_RETURN(gradients[metric][parameter],
                             ToNumber(parameter, number));
    }
  }
  return gradients;
}

absl::Status CheckDeviations(const Gradients& deviations,
                             const Gradients& gradients) {
  for (const auto& [metric, by_parameter] : deviations) {
    const auto gradient = gradients.find(metric);
    for (const auto& [parameter, deviation] : by_parameter) {
      if (gradient == gradients.end() ||
          !gradient->second.contains(parameter)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "\"gradient_deviations\" has \"", parameter, "\" of \"", metric,
            "\", which \"gradients\" has not"));
      }
      if (deviation < 0) return Wrong(parameter, deviation, "at least 0");
    }
  }
  return absl::OkStatus();
}

// An unknown key is a mistake in writing that would lose data in silence.
absl::Status Unknown(absl::string_view where, absl::string_view key,
                     absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", where, "\" has no key \"", key, "\"; there are ", allowed));
}

absl::StatusOr<TrialMessage> ToReport(const json& body) {
  Measurement measurement;
  bool has_step = false;
  for (const auto& [key, value] : body.items()) {
    if (key == "step") {
      has_step = true;
      ASSAY_ASSIGN_OR_RETURN(measurement.step, ToStep(key, value));
    } else if (key == "metrics") {
      ASSAY_ASSIGN_OR_RETURN(measurement.metrics, ToMetrics(key, value));
    } else if (key == "instance") {
      if (value.is_null()) continue;
      ASSAY_ASSIGN_OR_RETURN(measurement.instance, ToInteger(key, value));
    } else if (key == "gradients") {
      ASSAY_ASSIGN_OR_RETURN(measurement.gradients, ToGradients(key, value));
    } else if (key == "gradient_deviations") {
      ASSAY_ASSIGN_OR_RETURN(measurement.gradient_deviations,
                             ToGradients(key, value));
    } else {
      return Unknown(
          "report", key,
          "step, metrics, instance, gradients and gradient_deviations");
    }
  }
  ASSAY_RETURN_IF_ERROR(
      CheckDeviations(measurement.gradient_deviations, measurement.gradients));
  if (!has_step) return absl::InvalidArgumentError("a report needs \"step\"");
  if (measurement.metrics.empty()) {
    return absl::InvalidArgumentError("a report needs \"metrics\", 1 to 64");
  }
  return measurement;
}

absl::StatusOr<DeclaredEnd::State> ToState(const json& value) {
  using State = DeclaredEnd::State;
  if (value == "COMPLETED") return State::kCompleted;
  if (value == "STOPPED") return State::kStopped;
  if (value == "FAILED") return State::kFailed;
  if (value == "INFEASIBLE") return State::kInfeasible;
  return Wrong("state", value, "COMPLETED, STOPPED, FAILED or INFEASIBLE");
}

absl::StatusOr<TrialMessage> ToEnd(const json& body) {
  DeclaredEnd end;
  for (const auto& [key, value] : body.items()) {
    if (key == "state") {
      ASSAY_ASSIGN_OR_RETURN(end.state, ToState(value));
    } else if (key == "reason") {
      ASSAY_ASSIGN_OR_RETURN(end.reason, ToText(key, value, kMaxReason));
    } else if (key == "metrics") {
      ASSAY_ASSIGN_OR_RETURN(end.metrics, ToMetrics(key, value));
    } else {
      return Unknown("finish", key, "state, reason and metrics");
    }
  }
  return end;
}

absl::StatusOr<TrialMessage> ToAttribute(const json& body) {
  TrialAttribute attribute;
  for (const auto& [key, value] : body.items()) {
    if (key == "namespace") {
      ASSAY_ASSIGN_OR_RETURN(attribute.name_space,
                             ToText(key, value, kMaxName));
    } else if (key == "key") {
      ASSAY_ASSIGN_OR_RETURN(attribute.key, ToText(key, value, kMaxName));
    } else if (key == "value") {
      ASSAY_ASSIGN_OR_RETURN(attribute.value,
                             ToText(key, value, kMaxAttribute));
    } else {
      return Unknown("attribute", key, "namespace, key and value");
    }
  }
  ASSAY_RETURN_IF_ERROR(CheckName(attribute.name_space));
  ASSAY_RETURN_IF_ERROR(CheckName(attribute.key));
  return attribute;
}

absl::StatusOr<TrialMessage> ToCheckpointNotice(const json& body) {
  CheckpointNotice notice;
  for (const auto& [key, value] : body.items()) {
    if (key != "step") return Unknown("checkpoint", key, "step");
    ASSAY_ASSIGN_OR_RETURN(notice.step, ToStep(key, value));
  }
  if (body.empty()) {
    return absl::InvalidArgumentError("a checkpoint needs \"step\"");
  }
  return notice;
}

std::string Line(const json& message) {
  return message.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::StatusOr<TrialMessage> ParseTrialMessage(absl::string_view line) {
  const json message = json::parse(line.begin(), line.end(), nullptr,
                                   /*allow_exceptions=*/false);
  if (message.is_discarded()) {
    return absl::InvalidArgumentError(
        "the line is not JSON (NaN is written as the string \"NaN\")");
  }
  if (!message.is_object() || message.size() != 1 ||
      !message.begin()->is_object()) {
    return absl::InvalidArgumentError(
        "the line has to be an object with one key, report, checkpoint, finish "
        "or attribute, that holds an object");
  }
  const std::string& kind = message.begin().key();
  const json& body = *message.begin();
  if (kind == "report") return ToReport(body);
  if (kind == "checkpoint") return ToCheckpointNotice(body);
  if (kind == "finish") return ToEnd(body);
  if (kind == "attribute") return ToAttribute(body);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown key \"", kind,
                   "\"; report, checkpoint, finish and attribute are known"));
}

std::string AckLine(int64_t lines) { return Line({{"ack", lines}}); }

std::string ErrorLine(absl::string_view message) {
  return Line({{"error", std::string(message)}});
}

std::string StopLine(absl::string_view reason) {
  return Line({{"stop", std::string(reason)}});
}

}  // namespace assay
