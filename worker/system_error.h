#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace assay {

// What the last failed system call says: "open /tmp/x: No such file or
// directory", as NotFound, PermissionDenied, ... by errno.
absl::Status SystemError(absl::string_view what);
absl::Status SystemError(absl::string_view what, int error_number);

}  // namespace assay
