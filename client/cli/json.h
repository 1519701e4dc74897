#pragma once

#include <nlohmann/json.hpp>

#include <google/protobuf/message.h>

namespace assay {

// A message as scripts like it: protobuf's JSON form with the field names of
// the .proto files, but whole numbers are numbers (strings only beyond 2^53,
// where JSON readers lose digits). NaN and infinity are "NaN", "Infinity",
// "-Infinity". Absent messages, unset enums and unset optional fields are left
// out; zeros, empty strings and empty lists are there. A study file again if it
// is the spec of a study.
nlohmann::ordered_json ToJson(const google::protobuf::Message& message);

// The number, or one of the three strings.
nlohmann::ordered_json ToJson(double number);

}  // namespace assay
