#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/map.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "search/parameter.h"

// Values that are parts of many messages.

namespace assay::convert {

// A string, a boolean or a finite number; whole ones as far as a double counts
// them are integers. `path` is asked for an error alone.
absl::StatusOr<ParameterValue> ToValue(const google::protobuf::Value& value,
                                       absl::FunctionRef<std::string()> path);
absl::StatusOr<std::vector<ParameterValue>> ToValues(
    const google::protobuf::ListValue& list, const std::string& path);

// The values of a map of numbers whose keys are names, at most `max`.
absl::StatusOr<std::map<std::string, double>> ToNamedValues(
    const google::protobuf::Map<std::string, double>& map,
    absl::string_view path, size_t max);

void SetMetrics(const std::map<std::string, double>& metrics,
                google::protobuf::Map<std::string, double>* map);
void SetTime(absl::Time time, google::protobuf::Timestamp* message);

}  // namespace assay::convert
