#include "client/cli/parameter_arguments.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace assay {
namespace {

google::protobuf::Value ParseValue(const std::string& text) {
  google::protobuf::Value value;
  double number = 0;
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '"' || text.front() == '\'');
  if (quoted) {
    value.set_string_value(text.substr(1, text.size() - 2));
  } else if (text == "true" || text == "false") {
    value.set_bool_value(text == "true");
  } else if (absl::SimpleAtod(text, &number)) {
    value.set_number_value(number);
  } else {
    value.set_string_value(text);
  }
  return value;
}

}  // namespace

absl::Status ParseParameters(
    const std::vector<std::string>& arguments,
    google::protobuf::Map<std::string, google::protobuf::Value>& parameters) {
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", argument, "\": NAME=VALUE is wanted"));
    }
    parameters[argument.substr(0, equals)] =
        ParseValue(argument.substr(equals + 1));
  }
  return absl::OkStatus();
}

}  // namespace assay
