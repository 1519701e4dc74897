#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "search/parameter.h"

namespace assay {

// Replaces each "{name}" inside an argument by the parameter's value as people
// write it (0.001, 3, adam, true); "{{" and "}}" are braces. One argument stays
// one argument, whatever the value holds.
//
// InvalidArgument for an unknown name, naming those that are known, and for a
// brace without its partner.
absl::StatusOr<std::vector<std::string>> ExpandArgv(
    const std::vector<std::string>& argv, const Parameters& parameters);

}  // namespace assay
