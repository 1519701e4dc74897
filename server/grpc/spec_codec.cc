#include "server/grpc/spec_codec.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "proto/convert.h"

namespace assay {

std::string DeterministicBytes(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

std::string EncodeSpec(const v1::StudySpec& spec) {
  return DeterministicBytes(spec);
}

v1::StudySpec DecodeSpec(const std::string& text) {
  v1::StudySpec spec;
  spec.ParseFromString(text);
  return spec;
}

absl::StatusOr<StudySpec> MessageSpecCodec::Decode(
    const std::string& text) const {
  v1::StudySpec spec;
  if (!spec.ParseFromString(text)) {
    return absl::DataLossError("a stored spec is damaged");
  }
  return ToStudySpec(spec);
}

std::string MessageSpecCodec::Edit(const std::string& text,
                                   const StudyEdit& edit) const {
  v1::StudySpec spec = DecodeSpec(text);
  if (edit.budget) *spec.mutable_budget() = ToMessage(*edit.budget);
  if (edit.priority) spec.set_priority(*edit.priority);
  if (edit.note) spec.set_note(*edit.note);
  return EncodeSpec(spec);
}

}  // namespace assay
