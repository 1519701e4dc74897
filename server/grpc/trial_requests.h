#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "assay/v1/trial.pb.h"
#include "assay/v1/worker.pb.h"
#include "server/trial_dispatcher.h"
#include "server/trial_editor.h"
#include "server/trial_recorder.h"

namespace assay {

// Requests about trials as values. InvalidArgument names the field, its value
// and what is allowed.

absl::StatusOr<Ask> ToAsk(StudyId study, const v1::SuggestRequest& request);
absl::StatusOr<FinishReport> ToFinishReport(const v1::CompleteRequest& request);
absl::StatusOr<FinishReport> ToFinishReport(const v1::FailRequest& request);
absl::StatusOr<FinishReport> ToFinishReport(const v1::Finish& message);
absl::StatusOr<TrialEditor::Enqueued> ToEnqueued(
    const v1::EnqueueRequest& request);
absl::StatusOr<TrialEditor::Imported> ToImported(
    const v1::CreateTrialRequest& request);

// At most 64 KiB.
absl::Status CheckReason(const char* field, const std::string& text);
// At most 256 bytes.
absl::Status CheckRequestId(const std::string& id);

// At most 100; keys of 1 to 256 bytes, values up to 64 KiB.
absl::StatusOr<std::vector<Attribute>> ToAttributes(
    const google::protobuf::RepeatedPtrField<v1::Attribute>& messages);

}  // namespace assay
