#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace assay {

// The frames of a stream in the Connect protocol: one byte of flags, the length
// in four (the highest first), the message.

enum class EnvelopeFlag : char { kMessage = 0, kEndOfStream = 2 };

std::string Envelope(EnvelopeFlag flag, absl::string_view message);

// What is in the only envelope of a request. InvalidArgument if it is cut short
// or compressed; Unimplemented, as gRPC says it, if there are none or several.
absl::StatusOr<std::string> OnlyMessage(absl::string_view body);

}  // namespace assay
