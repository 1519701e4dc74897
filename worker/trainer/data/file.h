#pragma once

#include <string>

#include "worker/trainer/result.h"

namespace assay {

// The whole file at `path`, unpacked if it is gzip. At most 8 GiB.
Result<std::string> ReadDataFile(const std::string& path);

}  // namespace assay
