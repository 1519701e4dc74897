#include "proto/convert_checks.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "search/parameter.h"

namespace assay::convert {
namespace {

// The first bytes of a text, cut between two characters.
absl::string_view Beginning(absl::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 &&
         (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) {
    --bytes;
  }
  return text.substr(0, bytes);
}

}  // namespace

absl::Status Invalid(absl::string_view path, absl::string_view value,
                     absl::string_view allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", value, "; ", allowed));
}

std::string Text(double value) { return ToText(ParameterValue(value)); }

std::string Quote(absl::string_view text) {
  const absl::string_view shown = Beginning(text, 64);
  const std::string escaped = absl::Utf8SafeCEscape(shown);
  if (shown.size() == text.size()) return absl::StrCat("\"", escaped, "\"");
  return absl::StrCat("\"", escaped, "...\" (", text.size(), " bytes)");
}

std::string Element(absl::string_view list, int index) {
  return absl::StrCat(list, "[", index, "]");
}

absl::Status Shortened(const absl::Status& status) {
  constexpr size_t kMaxBytes = 500;
  if (status.message().size() <= kMaxBytes) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(Beginning(status.message(), kMaxBytes), "..."));
}

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

absl::Status CheckRange(absl::string_view path, int64_t value, int64_t min,
                        int64_t max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return Invalid(path, absl::StrCat(value), absl::StrCat(min, " to ", max));
}

absl::StatusOr<int64_t> OrDefault(absl::string_view path, int64_t value,
                                  int64_t default_value, int64_t max) {
  if (value == 0) return default_value;
  if (value >= 1 && value <= max) return value;
  return Invalid(path, absl::StrCat(value),
                 absl::StrCat("1 to ", max, ", or 0 for ", default_value));
}

absl::Status CheckCount(absl::string_view path, size_t size, size_t max) {
  if (size <= max) return absl::OkStatus();
  return Invalid(path, absl::StrCat(size), absl::StrCat("at most ", max));
}

}  // namespace assay::convert
