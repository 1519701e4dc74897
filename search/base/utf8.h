#pragma once

#include "absl/strings/string_view.h"

namespace assay {

// True if `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF).
bool IsUtf8(absl::string_view text);

}  // namespace assay
