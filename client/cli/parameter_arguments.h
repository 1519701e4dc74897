#pragma once

#include <string>
#include <vector>

#include <google/protobuf/map.h>
#include <google/protobuf/struct.pb.h>

#include "absl/status/status.h"

namespace assay {

// Parameters as a command line names them: NAME=VALUE each, where a value is a
// number, true or false, else a text. In quotes it is a text in any case.
// InvalidArgument, naming the argument, if it has no '='.
absl::Status ParseParameters(
    const std::vector<std::string>& arguments,
    google::protobuf::Map<std::string, google::protobuf::Value>& parameters);

}  // namespace assay
