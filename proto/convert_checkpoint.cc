#include "proto/convert_checkpoint.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"
#include "search/domain.h"

namespace assay {
namespace {

absl::Status CheckRange(absl::string_view field, int64_t value) {
  if (value >= 0 && value <= kMaxInteger) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, "; 0 to 2^53"));
}

absl::Time ToTime(const google::protobuf::Timestamp& message) {
  return absl::FromUnixSeconds(message.seconds()) +
         absl::Nanoseconds(message.nanos());
}

}  // namespace

absl::StatusOr<Manifest> ToManifest(const v1::Manifest& message) {
  Manifest manifest;
  for (const v1::CheckpointFile& file : message.files()) {
    manifest.files.push_back(
        {.path = file.path(),
         .size = file.size(),
         .mode = file.mode(),
         .chunks = {file.chunks().begin(), file.chunks().end()}});
  }
  ASSAY_RETURN_IF_ERROR(CheckManifest(manifest));
  return manifest;
}

v1::Manifest ToMessage(const Manifest& manifest) {
  v1::Manifest message;
  for (const CheckpointFile& file : manifest.files) {
    v1::CheckpointFile& to = *message.add_files();
    to.set_path(file.path);
    to.set_size(file.size);
    to.set_mode(file.mode);
    for (const std::string& hash : file.chunks) to.add_chunks(hash);
  }
  return message;
}

absl::StatusOr<Checkpoint> ToCheckpoint(
    const v1::CommitCheckpointRequest& message) {
  ASSAY_RETURN_IF_ERROR(CheckRange("step", message.step()));
  Checkpoint checkpoint;
  checkpoint.trial = {message.trial_id()};
  checkpoint.attempt = message.attempt();
  checkpoint.step = message.step();
  ASSAY_ASSIGN_OR_RETURN(checkpoint.manifest, ToManifest(message.manifest()));
  checkpoint.files = static_cast<int64_t>(checkpoint.manifest.files.size());
  checkpoint.bytes = BytesOf(checkpoint.manifest);
  return checkpoint;
}

v1::CommitCheckpointRequest ToCommitRequest(const Checkpoint& checkpoint) {
  v1::CommitCheckpointRequest message;
  message.set_trial_id(checkpoint.trial.value);
  message.set_attempt(checkpoint.attempt);
  message.set_step(checkpoint.step);
  *message.mutable_manifest() = ToMessage(checkpoint.manifest);
  return message;
}

absl::StatusOr<Checkpoint> ToCheckpoint(const v1::Checkpoint& message) {
  Checkpoint checkpoint;
  checkpoint.id = {message.id()};
  checkpoint.study = {message.study_id()};
  checkpoint.trial = {message.trial_id()};
  checkpoint.attempt = message.attempt();
  checkpoint.step = message.step();
  checkpoint.created = ToTime(message.created());
  checkpoint.files = message.files();
  checkpoint.bytes = message.bytes();
  if (message.has_unneeded_since()) {
    checkpoint.unneeded_since = ToTime(message.unneeded_since());
  }
  ASSAY_ASSIGN_OR_RETURN(checkpoint.manifest, ToManifest(message.manifest()));
  return checkpoint;
}

v1::Checkpoint ToMessage(const Checkpoint& checkpoint) {
  v1::Checkpoint message;
  message.set_id(checkpoint.id.value);
  message.set_study_id(checkpoint.study.value);
  message.set_trial_id(checkpoint.trial.value);
  message.set_attempt(checkpoint.attempt);
  message.set_step(checkpoint.step);
  *message.mutable_created() = ToTimestamp(checkpoint.created);
  message.set_files(checkpoint.files);
  message.set_bytes(checkpoint.bytes);
  if (!checkpoint.manifest.files.empty()) {
    *message.mutable_manifest() = ToMessage(checkpoint.manifest);
  }
  if (checkpoint.unneeded_since) {
    *message.mutable_unneeded_since() = ToTimestamp(*checkpoint.unneeded_since);
  }
  return message;
}

absl::StatusOr<std::optional<int64_t>> ToCheckpointBytes(
    const v1::CheckpointQuota& message) {
  if (!message.has_max_bytes()) return std::optional<int64_t>();
  ASSAY_RETURN_IF_ERROR(
      CheckRange("checkpoints.max_bytes", message.max_bytes()));
  return std::optional<int64_t>(message.max_bytes());
}

}  // namespace assay
