#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace assay {

// All of a file. Not std::ifstream: its iterators throw when a read fails, as
// it does in /proc when the process has just ended.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

}  // namespace assay
