#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/type_resolver.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace assay {

// How a client writes messages.
enum class MessageFormat { kJson, kBinary };

// Between what HTTP carries, either format, and what gRPC carries, protobuf's
// wire format; by the descriptors alone. Thread-safe.
class MessageCodec {
 public:
  MessageCodec();

  // InvalidArgument, naming the place and the field, if it is no JSON of
  // `type`. What is wrong beyond that is found by who parses the message.
  absl::StatusOr<grpc::ByteBuffer> Read(
      const std::string& text, MessageFormat format,
      const google::protobuf::Descriptor& type) const;

  // Protobuf's JSON: lowerCamelCase, 64-bit integers as strings, defaults left
  // out. Internal if it is no message of `type`.
  absl::StatusOr<std::string> Write(
      const grpc::ByteBuffer& message, MessageFormat format,
      const google::protobuf::Descriptor& type) const;

 private:
  const std::unique_ptr<google::protobuf::util::TypeResolver> resolver_;
};

}  // namespace assay
