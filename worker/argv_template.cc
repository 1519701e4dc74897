#include "worker/argv_template.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::Status Unknown(absl::string_view name, absl::string_view argument,
                     const Parameters& parameters) {
  const std::string known = absl::StrJoin(
      parameters, ", ", [](std::string* out, const auto& parameter) {
        absl::StrAppend(out, parameter.first);
      });
  return absl::InvalidArgumentError(absl::StrCat(
      "argument \"", argument, "\": this trial has no parameter \"", name,
      "\"; it has ", known.empty() ? "none" : known));
}

absl::Status Unpaired(char brace, absl::string_view argument) {
  return absl::InvalidArgumentError(
      absl::StrCat("argument \"", argument, "\": a single '",
                   std::string(1, brace), "'; write it twice to mean itself"));
}

absl::StatusOr<std::string> Expand(absl::string_view argument,
                                   const Parameters& parameters) {
  std::string expanded;
  for (size_t i = 0; i < argument.size(); ++i) {
    const char c = argument[i];
    if (c != '{' && c != '}') {
      expanded.push_back(c);
    } else if (i + 1 < argument.size() && argument[i + 1] == c) {
      expanded.push_back(c);
      ++i;
    } else if (c == '}') {
      return Unpaired(c, argument);
    } else {
      const size_t end = argument.find('}', i);
      if (end == absl::string_view::npos) return Unpaired(c, argument);
      const std::string name(argument.substr(i + 1, end - i - 1));
      const auto found = parameters.find(name);
      if (found == parameters.end()) {
        return Unknown(name, argument, parameters);
      }
      expanded += ToText(found->second);
      i = end;
    }
  }
  return expanded;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandArgv(
    const std::vector<std::string>& argv, const Parameters& parameters) {
  std::vector<std::string> expanded;
  for (const std::string& argument : argv) {
    ASSAY_ASSIGN_OR_RETURN(expanded.emplace_back(),
                           Expand(argument, parameters));
  }
  return expanded;
}

}  // namespace assay
