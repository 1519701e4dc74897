#include "server/grpc/page_token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace assay {
namespace {

// FNV-1a, 64 bits: short, and the same in every process.
uint64_t Digest(const std::string& text) {
  uint64_t digest = 14695981039346656037u;
  for (const unsigned char c : text) digest = (digest ^ c) * 1099511628211u;
  return digest;
}

}  // namespace

std::string MakePageToken(const std::string& list, int64_t after) {
  return absl::WebSafeBase64Escape(
      absl::StrCat(absl::Hex(Digest(list)), ":", after));
}

absl::StatusOr<int64_t> ReadPageToken(const std::string& token,
                                      const std::string& list, int64_t first) {
  if (token.empty()) return first;
  std::string text;
  const bool readable = absl::WebSafeBase64Unescape(token, &text);
  const size_t colon = text.find(':');
  int64_t after = 0;
  if (!readable || colon == std::string::npos ||
      !absl::SimpleAtoi(text.substr(colon + 1), &after)) {
    return absl::InvalidArgumentError(
        "page_token: damaged; give the next_page_token of the previous page");
  }
  if (text.substr(0, colon) != absl::StrCat(absl::Hex(Digest(list)))) {
    return absl::InvalidArgumentError(
        "page_token: of another list; study, filter and order have to be the "
        "same for each page");
  }
  return after;
}

absl::StatusOr<int> ReadPageSize(int64_t size, int standard, int max) {
  if (size == 0) return standard;
  if (size >= 1 && size <= max) return static_cast<int>(size);
  return absl::InvalidArgumentError(absl::StrCat("page_size: ", size, "; 1 to ",
                                                 max, ", or 0 for ", standard));
}

}  // namespace assay
