#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "server/study_registry.h"

namespace assay {

// Keeps specs as the bytes of assay.v1.StudySpec, map entries sorted, so that
// equal specs have equal bytes.
class MessageSpecCodec final : public SpecCodec {
 public:
  absl::StatusOr<StudySpec> Decode(const std::string& text) const override;
  std::string Edit(const std::string& text,
                   const StudyEdit& edit) const override;
};

std::string EncodeSpec(const v1::StudySpec& spec);
v1::StudySpec DecodeSpec(const std::string& text);

// Equal for equal messages: the fingerprint of a request's content.
std::string DeterministicBytes(const google::protobuf::Message& message);

}  // namespace assay
