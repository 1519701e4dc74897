#include "worker/system_error.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace assay {

absl::Status SystemError(absl::string_view what) {
  return SystemError(what, errno);
}

absl::Status SystemError(absl::string_view what, int error_number) {
  return absl::Status(absl::ErrnoToStatusCode(error_number),
                      absl::StrCat(what, ": ", strerror(error_number)));
}

}  // namespace assay
