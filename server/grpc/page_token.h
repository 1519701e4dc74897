#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace assay {

// A page token says where to go on and which list it belongs to: one of another
// list is refused.
std::string MakePageToken(const std::string& list, int64_t after);

// InvalidArgument if it is damaged or of another list. Empty: `first`.
absl::StatusOr<int64_t> ReadPageToken(const std::string& token,
                                      const std::string& list, int64_t first);

// 0 means `standard`. InvalidArgument, naming the field, outside [1, max].
absl::StatusOr<int> ReadPageSize(int64_t size, int standard, int max);

}  // namespace assay
