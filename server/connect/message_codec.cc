#include "server/connect/message_codec.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace assay {
namespace {

constexpr char kUrlPrefix[] = "type.googleapis.com";

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
  std::string bytes;
  const auto status = google::protobuf::util::JsonToBinaryString(
      resolver_.get(), UrlOf(type), text, &bytes);
  if (status.ok()) return ToBuffer(bytes);
  return absl::InvalidArgumentError(absl::StrCat(
      "JSON of ", type.full_name(), ": ", std::string(status.message())));
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
