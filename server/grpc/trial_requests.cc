#include "server/grpc/trial_requests.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr int kMaxCount = 1000;
constexpr double kMaxWaitSeconds = 60;
constexpr double kDefaultLeaseSeconds = 600;
constexpr double kMaxLeaseSeconds = 604'800;
constexpr size_t kMaxReasonBytes = 64 << 10;
constexpr size_t kMaxAttributeBytes = 64 << 10;
constexpr int kMaxAttributes = 100;

// Written so that NaN is refused as well.
absl::Status CheckRange(const char* field, double value, double max) {
  if (value >= 0 && value <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, "; 0 to ", max));
}

absl::Status CheckBytes(const char* field, const std::string& text, size_t min,
                        size_t max) {
  if (text.size() >= min && text.size() <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", text.size(), " bytes; ", min, " to ", max));
}

Token ToToken(int64_t trial, int32_t attempt) {
  return {TrialId{trial}, attempt};
}

// Its beginning, cut between two characters.
std::string Beginning(const std::string& text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 &&
         (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) {
    --bytes;
  }
  return text.substr(0, bytes);
}

}  // namespace

absl::Status CheckReason(const char* field, const std::string& text) {
  return CheckBytes(field, text, 0, kMaxReasonBytes);
}

absl::Status CheckRequestId(const std::string& id) {
  return CheckBytes("request_id", id, 0, kMaxNameBytes);
}

absl::StatusOr<Ask> ToAsk(StudyId study, const v1::SuggestRequest& request) {
  ASSAY_RETURN_IF_ERROR(
      CheckBytes("client_id", request.client_id(), 1, kMaxNameBytes));
  ASSAY_RETURN_IF_ERROR(CheckRange("wait", request.wait(), kMaxWaitSeconds));
  const double lease = request.has_client_lease() ? request.client_lease()
                                                  : kDefaultLeaseSeconds;
  ASSAY_RETURN_IF_ERROR(CheckRange("client_lease", lease, kMaxLeaseSeconds));
  if (request.count() < 0 || request.count() > kMaxCount) {
    return absl::InvalidArgumentError(absl::StrCat(
        "count: ", request.count(), "; 1 to ", kMaxCount, ", or 0 for 1"));
  }
  return Ask{.study = study,
             .client_id = request.client_id(),
             .count = std::max(1, request.count()),
             .wait = absl::Seconds(request.wait()),
             .lease = absl::Seconds(lease)};
}

absl::StatusOr<FinishReport> ToFinishReport(
    const v1::CompleteRequest& request) {
  FinishReport report;
  report.token = ToToken(request.trial_id(), request.attempt());
  ASSAY_ASSIGN_OR_RETURN(report.metrics, ToMetrics(request.metrics()));
  ASSAY_ASSIGN_OR_RETURN(report.attributes, ToAttributes(request.attributes()));
  return report;
}

absl::StatusOr<FinishReport> ToFinishReport(const v1::FailRequest& request) {
  FinishReport report;
  report.token = ToToken(request.trial_id(), request.attempt());
  ASSAY_RETURN_IF_ERROR(CheckReason("reason", request.reason()));
  report.reason = request.reason();
  switch (request.kind()) {
    case v1::FailRequest::KIND_UNSPECIFIED:
    case v1::FailRequest::ERROR:
      report.end = End::kFailed;
      return report;
    case v1::FailRequest::INFEASIBLE:
      report.end = End::kInfeasible;
      return report;
    case v1::FailRequest::HAND_BACK:
      report.end = End::kHandedBack;
      return report;
    case v1::FailRequest::FATAL:
      report.end = End::kFatal;
      return report;
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "kind: ", request.kind(), "; ERROR, INFEASIBLE, HAND_BACK or FATAL"));
  }
}

absl::StatusOr<FinishReport> ToFinishReport(const v1::Finish& message) {
  FinishReport report;
  report.token = ToToken(message.trial_id(), message.attempt());
  report.may_correct = false;
  report.reason = Beginning(message.reason(), kMaxReasonBytes);
  ASSAY_ASSIGN_OR_RETURN(report.metrics, ToMetrics(message.metrics()));
  ASSAY_ASSIGN_OR_RETURN(report.attributes, ToAttributes(message.attributes()));
  switch (message.kind()) {
    case v1::Finish::COMPLETED:
      report.end = End::kCompleted;
      return report;
    case v1::Finish::STOPPED:
      report.end = End::kStopped;
      return report;
    case v1::Finish::FAILED:
      report.end = End::kFailed;
      return report;
    case v1::Finish::FATAL:
      report.end = End::kFatal;
      return report;
    case v1::Finish::INFEASIBLE:
      report.end = End::kInfeasible;
      return report;
    case v1::Finish::HANDED_BACK:
      report.end = End::kHandedBack;
      return report;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("finish.kind: ", message.kind(),
                       "; COMPLETED, STOPPED, "
                       "FAILED, FATAL, INFEASIBLE or HANDED_BACK"));
  }
}

absl::StatusOr<TrialEditor::Enqueued> ToEnqueued(
    const v1::EnqueueRequest& request) {
  if (request.to_step() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("to_step: ", request.to_step(), "; at least 0"));
  }
  ASSAY_RETURN_IF_ERROR(CheckReason("note", request.note()));
  ASSAY_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  TrialEditor::Enqueued enqueued;
  ASSAY_ASSIGN_OR_RETURN(enqueued.parameters,
                         ToParameters(request.parameters()));
  enqueued.to_step = request.to_step();
  enqueued.note = request.note();
  return enqueued;
}

namespace {

constexpr int kMaxReplicate = 1'000'000;

absl::Status CheckWithin(const char* field, int64_t value, int64_t least,
                         int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, "; ", least, " to ", most));
}

absl::StatusOr<std::optional<absl::Time>> ToTime(
    const char* field, bool is_set, const google::protobuf::Timestamp& time) {
  if (!is_set) return std::nullopt;
  // The range that protobuf's Timestamp documents.
  const bool valid = time.seconds() >= -62'135'596'800 &&
                     time.seconds() <= 253'402'300'799 && time.nanos() >= 0 &&
                     time.nanos() <= 999'999'999;
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", time.seconds(), " seconds and ", time.nanos(),
                     " nanos; a time of the years 1 to 9999"));
  }
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

absl::Status FillTimes(const v1::CreateTrialRequest& request,
                       TrialEditor::Imported& imported) {
  ASSAY_ASSIGN_OR_RETURN(
      imported.started,
      ToTime("started", request.has_started(), request.started()));
  ASSAY_ASSIGN_OR_RETURN(imported.ended,
                         ToTime("ended", request.has_ended(), request.ended()));
  if (!imported.started || !imported.ended ||
      *imported.started <= *imported.ended) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "ended: ", absl::FormatTime(*imported.ended), "; not before started, ",
      absl::FormatTime(*imported.started)));
}

absl::Status FillSteps(const v1::CreateTrialRequest& request,
                       TrialEditor::Imported& imported) {
  ASSAY_RETURN_IF_ERROR(
      CheckWithin("from_step", request.from_step(), 0, kMaxInteger));
  ASSAY_RETURN_IF_ERROR(
      CheckWithin("to_step", request.to_step(), 0, kMaxInteger));
  ASSAY_RETURN_IF_ERROR(
      CheckWithin("last_step", request.last_step(), 0, kMaxInteger));
  ASSAY_RETURN_IF_ERROR(
      CheckWithin("replicate", request.replicate(), 0, kMaxReplicate));
  imported.from_step = request.from_step();
  imported.to_step = request.to_step();
  imported.last_step = request.last_step();
  imported.replicate = request.replicate();
  for (const Measurement& measurement : imported.curve) {
    if (imported.last_step == 0) break;
    ASSAY_RETURN_IF_ERROR(CheckWithin("last_step", imported.last_step,
                                      measurement.step, kMaxInteger));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrialEditor::Imported> ToImported(
    const v1::CreateTrialRequest& request) {
  ASSAY_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  TrialEditor::Imported imported;
  ASSAY_ASSIGN_OR_RETURN(imported.state, ToTrialState(request.state()));
  if (!IsFinished(imported.state)) {
    return absl::InvalidArgumentError(
        absl::StrCat("state: ", ToText(imported.state),
                     "; COMPLETED, STOPPED, FAILED or INFEASIBLE"));
  }
  ASSAY_ASSIGN_OR_RETURN(imported.parameters,
                         ToParameters(request.parameters()));
  ASSAY_ASSIGN_OR_RETURN(imported.metrics, ToMetrics(request.metrics()));
  ASSAY_RETURN_IF_ERROR(CheckReason("reason", request.reason()));
  imported.reason = request.reason();
  for (const v1::Measurement& message : request.measurements()) {
    ASSAY_ASSIGN_OR_RETURN(Measurement measurement, ToMeasurement(message));
    measurement.sequence = static_cast<int64_t>(imported.curve.size()) + 1;
    imported.curve.push_back(std::move(measurement));
  }
  ASSAY_RETURN_IF_ERROR(CheckReason("note", request.note()));
  imported.note = request.note();
  ASSAY_RETURN_IF_ERROR(
      CheckBytes("holder", request.holder(), 0, kMaxNameBytes));
  if (!request.holder().empty()) imported.holder = request.holder();
  ASSAY_RETURN_IF_ERROR(FillTimes(request, imported));
  ASSAY_RETURN_IF_ERROR(FillSteps(request, imported));
  return imported;
}

absl::StatusOr<std::vector<Attribute>> ToAttributes(
    const google::protobuf::RepeatedPtrField<v1::Attribute>& messages) {
  if (messages.size() > kMaxAttributes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "attributes: ", messages.size(), "; at most ", kMaxAttributes));
  }
  std::vector<Attribute> attributes;
  for (const v1::Attribute& message : messages) {
    ASSAY_RETURN_IF_ERROR(
        CheckBytes("attributes.key", message.key(), 1, kMaxNameBytes));
    ASSAY_RETURN_IF_ERROR(CheckBytes("attributes.namespace",
                                     message.namespace_(), 0, kMaxNameBytes));
    ASSAY_RETURN_IF_ERROR(
        CheckBytes("attributes.value", message.value(), 0, kMaxAttributeBytes));
    attributes.push_back(
        {message.namespace_().empty() ? "user" : message.namespace_(),
         message.key(), message.value()});
  }
  return attributes;
}

}  // namespace assay
