#include "proto/convert_trial_spec.h"

#include <cmath>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "proto/convert_checks.h"
#include "search/base/status_macros.h"

namespace assay::convert {
namespace {

namespace pb = google::protobuf;

constexpr int32_t kMaxGpus = 1024;
constexpr int32_t kMaxAttemptsOfATrial = 100;

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

}  // namespace

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

}  // namespace assay::convert
