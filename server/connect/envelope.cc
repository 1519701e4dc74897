#include "server/connect/envelope.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace assay {
namespace {

constexpr size_t kPrefixBytes = 5;

uint32_t LengthOf(absl::string_view prefix) {
  uint32_t length = 0;
  for (const char byte : prefix.substr(1, 4)) {
    length = length << 8 | static_cast<unsigned char>(byte);
  }
  return length;
}

}  // namespace

std::string Envelope(EnvelopeFlag flag, absl::string_view message) {
  const auto length = static_cast<uint32_t>(message.size());
  const char prefix[kPrefixBytes] = {
      static_cast<char>(flag), static_cast<char>(length >> 24),
      static_cast<char>(length >> 16), static_cast<char>(length >> 8),
      static_cast<char>(length)};
  return absl::StrCat(absl::string_view(prefix, kPrefixBytes), message);
}

absl::StatusOr<std::string> OnlyMessage(absl::string_view body) {
  if (body.empty()) {
    return absl::UnimplementedError("the stream has no message; one is needed");
  }
  if (body.size() < kPrefixBytes) {
    return absl::InvalidArgumentError(
        "the envelope is cut short: five bytes (flags, length) come before "
        "the message");
  }
  if (body[0] != static_cast<char>(EnvelopeFlag::kMessage)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "flags of the envelope: ", static_cast<unsigned char>(body[0]),
        "; only 0, a message that is not compressed"));
  }
  const uint32_t length = LengthOf(body);
  const absl::string_view message = body.substr(kPrefixBytes);
  if (message.size() < length) {
    return absl::InvalidArgumentError(absl::StrCat("the envelope announces ",
                                                   length, " bytes, and ",
                                                   message.size(), " came"));
  }
  if (message.size() > length) {
    return absl::UnimplementedError(
        "the stream has more than one message; one is allowed");
  }
  return std::string(message);
}

}  // namespace assay
