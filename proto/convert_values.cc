#include "proto/convert_values.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"
#include "proto/convert_checks.h"
#include "search/base/status_macros.h"
#include "search/domain.h"

namespace assay {

namespace pb = google::protobuf;

namespace convert {
namespace {

// Whole numbers as far as a double counts them are integers.
ParameterValue ToNumber(double number) {
  constexpr double kExact = static_cast<double>(kMaxInteger);
  if (std::abs(number) <= kExact && number == std::trunc(number)) {
    return static_cast<int64_t>(number);
  }
  return number;
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

}  // namespace

absl::StatusOr<ParameterValue> ToValue(const pb::Value& value,
                                       absl::FunctionRef<std::string()> path) {
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

void SetMetrics(const std::map<std::string, double>& metrics,
                pb::Map<std::string, double>* map) {
  for (const auto& [name, value] : metrics) (*map)[name] = value;
}

void SetTime(absl::Time time, pb::Timestamp* message) {
  *message = ToTimestamp(time);
}

}  // namespace convert

absl::StatusOr<Parameters> ToParameters(
    const pb::Map<std::string, pb::Value>& map) {
  ASSAY_RETURN_IF_ERROR(convert::CheckCount("parameters", map.size(),
                                            SearchSpace::kMaxParameters));
  Parameters parameters;
  for (const auto& [name, value] : map) {
    ASSAY_RETURN_IF_ERROR(
        convert::CheckName(name, [] { return "parameters, the name of one"; }));
    ASSAY_ASSIGN_OR_RETURN(
        ParameterValue converted, convert::ToValue(value, [&name = name] {
          return absl::StrCat("parameters[", convert::Quote(name), "]");
        }));
    parameters.emplace(name, std::move(converted));
  }
  return parameters;
}

void ToMessage(const Parameters& parameters,
               pb::Map<std::string, pb::Value>* map) {
  for (const auto& [name, value] : parameters)
    convert::SetValue(value, &(*map)[name]);
}

absl::StatusOr<Metrics> ToMetrics(const pb::Map<std::string, double>& map) {
  return convert::ToNamedValues(map, "metrics", kMaxMetrics);
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

}  // namespace assay
