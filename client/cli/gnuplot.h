#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace assay {

// Runs a script of gnuplot's, which is found in PATH. Internal if it is not
// installed or the script fails, with what it says.
absl::Status RunGnuplot(const std::string& script);

// 'text' as gnuplot reads it, whatever the text: one line, nothing expanded.
std::string GnuplotText(absl::string_view text);

}  // namespace assay
