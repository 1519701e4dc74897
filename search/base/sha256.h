#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace assay {

inline constexpr size_t kSha256Bytes = 32;

// The SHA-256 (FIPS 180-4) of `bytes`: kSha256Bytes bytes, not digits.
std::string Sha256(absl::string_view bytes);

}  // namespace assay
