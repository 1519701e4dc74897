#include "server/connect/message_codec.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace assay {
namespace {

constexpr char kUrlPrefix[] = "type.googleapis.com";

// Protobuf's own limit of 100 forgets lists: it takes 45 s for 20,000 of them,
// one in the other.
constexpr int kMaxDepth = 100;

// Strings are skipped, also those in single quotes, which protobuf takes.
bool IsNestedTooDeep(absl::string_view json) {
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < json.size() && depth <= kMaxDepth; ++i) {
    const char c = json[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return depth > kMaxDepth;
}

std::string UrlOf(const google::protobuf::Descriptor& type) {
  return absl::StrCat(kUrlPrefix, "/", type.full_name());
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  buffer.Dump(&slices).ok();  // Not compressed: it cannot fail.
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

MessageCodec::MessageCodec()
    : resolver_(google::protobuf::util::NewTypeResolverForDescriptorPool(
          kUrlPrefix, google::protobuf::DescriptorPool::generated_pool())) {}

absl::StatusOr<grpc::ByteBuffer> MessageCodec::Read(
    const std::string& text, MessageFormat format,
    const google::protobuf::Descriptor& type) const {
  if (format == MessageFormat::kBinary) return ToBuffer(text);
  const auto refuse = [&type](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("JSON of ", type.full_name(), ": ", why));
  };
  if (IsNestedTooDeep(text)) {
    return refuse(absl::StrCat("nested more than ", kMaxDepth, " levels deep"));
  }
  std::string bytes;
  const auto status = google::protobuf::util::JsonToBinaryString(
      resolver_.get(), UrlOf(type), text, &bytes);
  if (!status.ok()) return refuse(std::string(status.message()));
  return ToBuffer(bytes);
}

absl::StatusOr<std::string> MessageCodec::Write(
    const grpc::ByteBuffer& message, MessageFormat format,
    const google::protobuf::Descriptor& type) const {
  std::string bytes = ToString(message);
  if (format == MessageFormat::kBinary) return bytes;
  std::string text;
  const auto status = google::protobuf::util::BinaryToJsonString(
      resolver_.get(), UrlOf(type), bytes, &text);
  if (status.ok()) return text;
  return absl::InternalError(absl::StrCat(
      type.full_name(), " as JSON: ", std::string(status.message())));
}

}  // namespace assay
