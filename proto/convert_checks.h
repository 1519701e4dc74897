#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"

// What the converters check, and how they say what is wrong.

namespace assay::convert {

// `path: value; allowed`.
absl::Status Invalid(absl::string_view path, absl::string_view value,
                     absl::string_view allowed);

// For errors: a number as the protocol writes it, a text that may be long or
// odd, the place in a list.
std::string Text(double value);
std::string Quote(absl::string_view text);
std::string Element(absl::string_view list, int index);

// A status travels in a header of limited size, and a value may be long.
absl::Status Shortened(const absl::Status& status);

bool HasControlCharacter(absl::string_view text);

// `path` is made only for an error: this runs for each metric of each report.
template <typename Path>
absl::Status CheckName(const std::string& name, Path path) {
  if (name.empty()) return Invalid(path(), "missing", "1 to 256 bytes");
  if (name.size() > kMaxNameBytes) {
    return Invalid(path(), Quote(name), "at most 256 bytes");
  }
  if (HasControlCharacter(name)) {
    return Invalid(path(), Quote(name), "no control characters");
  }
  return absl::OkStatus();
}

// min to max, inclusive.
absl::Status CheckRange(absl::string_view path, int64_t value, int64_t min,
                        int64_t max);
absl::Status CheckCount(absl::string_view path, size_t size, size_t max);

// As CheckRange(), for a field in which 0 stands for `default_value`.
absl::StatusOr<int64_t> OrDefault(absl::string_view path, int64_t value,
                                  int64_t default_value, int64_t max);

}  // namespace assay::convert
