#include "server/grpc/worker_stream.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"
#include "proto/convert_checkpoint.h"
#include "proto/convert_gradients.h"
#include "search/base/status_macros.h"
#include "search/checkpoint_retention.h"
#include "server/grpc/spec_codec.h"
#include "server/grpc/trial_requests.h"

namespace assay {
namespace {

constexpr int kMaxSlots = 1024;
constexpr size_t kMaxLogPiece = 64 << 10;
constexpr int kMaxRunners = 1000;

template <class Message>
Token TokenOf(const Message& message) {
  return {TrialId{message.trial_id()}, message.attempt()};
}

template <class Message>
void SetToken(Token token, Message& message) {
  message.set_trial_id(token.trial.value);
  message.set_attempt(token.attempt);
}

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

absl::Status CheckBytes(const char* field, const std::string& text,
                        size_t min) {
  if (text.size() >= min && text.size() <= kMaxNameBytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": ", text.size(), " bytes; ", min, " to ", kMaxNameBytes));
}

// The server keeps what a worker says of itself as long as it runs.
absl::Status CheckTexts(const v1::Hello& message) {
  ASSAY_RETURN_IF_ERROR(CheckBytes("hello.name", message.name(), 1));
  ASSAY_RETURN_IF_ERROR(CheckBytes("hello.instance", message.instance(), 1));
  ASSAY_RETURN_IF_ERROR(CheckBytes("hello.version", message.version(), 0));
  if (message.runners_size() > kMaxRunners) {
    return absl::InvalidArgumentError(absl::StrCat(
        "hello.runners: ", message.runners_size(), "; at most ", kMaxRunners));
  }
  for (const std::string& runner : message.runners()) {
    ASSAY_RETURN_IF_ERROR(CheckBytes("hello.runners", runner, 1));
  }
  for (const v1::Gpu& gpu : message.gpus()) {
    ASSAY_RETURN_IF_ERROR(CheckBytes("hello.gpus.name", gpu.name(), 0));
  }
  return absl::OkStatus();
}

absl::Status CheckSlot(const char* field, int32_t slot, int32_t slots) {
  if (slot >= 0 && slot <= slots) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", slot, "; 0 to slots, ", slots));
}

absl::StatusOr<HeldAttempts> ToHeld(
    const char* field,
    const google::protobuf::RepeatedPtrField<v1::HeldAttempt>& messages,
    int32_t slots) {
  HeldAttempts held;
  for (const v1::HeldAttempt& message : messages) {
    ASSAY_RETURN_IF_ERROR(CheckSlot(field, message.slot(), slots));
    held[TokenOf(message)] = message.slot();
  }
  return held;
}

absl::StatusOr<WorkerHello> ToHello(const v1::Hello& message) {
  WorkerHello hello;
  ASSAY_RETURN_IF_ERROR(CheckTexts(message));
  if (message.slots() < 1 || message.slots() > kMaxSlots) {
    return absl::InvalidArgumentError(
        absl::StrCat("hello.slots: ", message.slots(), "; 1 to ", kMaxSlots));
  }
  if (message.gpus_size() > message.slots()) {
    return absl::InvalidArgumentError(
        absl::StrCat("hello.gpus: ", message.gpus_size(), "; at most slots, ",
                     message.slots()));
  }
  hello.name = message.name();
  hello.instance = message.instance();
  hello.slots = message.slots();
  for (const v1::Gpu& gpu : message.gpus()) {
    hello.gpus.push_back({gpu.index(), gpu.name(), gpu.memory_bytes()});
  }
  hello.runners.assign(message.runners().begin(), message.runners().end());
  hello.any_command = message.any_command();
  hello.builtin = message.builtin();
  hello.version = message.version();
  hello.draining = message.draining();
  ASSAY_ASSIGN_OR_RETURN(
      hello.held, ToHeld("hello.held.slot", message.held(), hello.slots));
  return hello;
}

}  // namespace

void WorkerStream::Begin() {
  self_ = shared_from_this();
  StartRead(&incoming_);
}

void WorkerStream::Refuse(absl::Status status) {
  self_ = shared_from_this();
  Close(std::move(status));
}

// --- From the worker --------------------------------------------------------

void WorkerStream::OnReadDone(bool ok) {
  if (!ok) return Close(absl::OkStatus());
  if (absl::Status bad = Take(incoming_); !bad.ok()) {
    spdlog::warn("worker \"{}\": {}", hello_.name, std::string(bad.message()));
    return Close(std::move(bad));
  }
  MutexLock lock(mutex_);
  if (closed_) return;
  reading_paused_ = unwritten_ >= kMaxUnwritten;
  if (!reading_paused_) StartRead(&incoming_);
}

absl::Status WorkerStream::Take(const v1::WorkerMessage& message) {
  if (message.message_case() == v1::WorkerMessage::kHello) {
    return TakeHello(message.hello());
  }
  if (!greeted_) {
    return absl::InvalidArgumentError("the first message has to be hello");
  }
  switch (message.message_case()) {
    case v1::WorkerMessage::kMeasurements:
      return TakeMeasurements(message.measurements());
    case v1::WorkerMessage::kFinish:
      return TakeFinish(message.finish());
    case v1::WorkerMessage::kLog:
      return TakeLog(message.log());
    case v1::WorkerMessage::kHeartbeat:
      return TakeHeartbeat(message.heartbeat());
    case v1::WorkerMessage::kDraining:
      context_.workers.SetDraining(this, message.draining().draining());
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError("an empty message");
  }
}

absl::Status WorkerStream::TakeHello(const v1::Hello& message) {
  if (std::exchange(greeted_, true)) {
    return absl::InvalidArgumentError("a second hello");
  }
  ASSAY_ASSIGN_OR_RETURN(WorkerHello hello, ToHello(message));
  hello_ = hello;
  hello_.held.clear();
  spdlog::info("worker \"{}\" connected: {} slots, {} GPUs, {} running",
               hello.name, hello.slots, hello.gpus.size(), hello.held.size());
  return context_.workers.Connect(shared_from_this(), std::move(hello));
}

absl::Status WorkerStream::TakeMeasurements(const v1::MeasurementBatch& batch) {
  const Token token = TokenOf(batch);
  std::vector<Measurement> measurements;
  for (const v1::Measurement& message : batch.measurements()) {
    ASSAY_ASSIGN_OR_RETURN(Measurement measurement, ToMeasurement(message));
    if (measurement.sequence == 0) {
      return absl::InvalidArgumentError("measurement.sequence: 0; from 1");
    }
    measurements.push_back(std::move(measurement));
  }
  context_.metrics.CountReport(static_cast<int>(measurements.size()));
  Begun();
  context_.recorder.ReportBatch(
      token, std::move(measurements),
      [self = shared_from_this(), token](absl::StatusOr<int64_t> through) {
        if (through.ok()) {
          self->Acknowledge(token, *through, 0, false);
        } else {
          self->Refused(token, through.status());
        }
        self->Ended();
      });
  return absl::OkStatus();
}

absl::Status WorkerStream::TakeFinish(const v1::Finish& finish) {
  const Token token = TokenOf(finish);
  ASSAY_ASSIGN_OR_RETURN(FinishReport report, ToFinishReport(finish));
  ASSAY_RETURN_IF_ERROR(CheckSlot("finish.slot", finish.slot(), hello_.slots));
  report.slot = finish.slot();
  report.gpu = GpuOf(hello_, finish.slot());
  Begun();
  context_.recorder.Finish(
      std::move(report),
      [self = shared_from_this(), token](absl::StatusOr<Trial> trial) {
        if (trial.ok() || !IsRetryable(trial.status())) {
          // Recorded, or refused for good: either way it is settled.
          self->Acknowledge(token, 0, 0, true);
        } else {
          self->Close(trial.status());
        }
        self->Ended();
      });
  return absl::OkStatus();
}

absl::Status WorkerStream::TakeLog(const v1::LogPiece& piece) {
  if (piece.data().size() > kMaxLogPiece || piece.offset() < 0 ||
      piece.offset() > kMaxInteger) {
    return absl::InvalidArgumentError(
        absl::StrCat("log: ", piece.data().size(), " bytes at offset ",
                     piece.offset(), "; up to 64 KiB at 0 to 2^53"));
  }
  const Token token = TokenOf(piece);
  const int64_t end =
      piece.offset() + static_cast<int64_t>(piece.data().size());
  Begun();
  context_.recorder.AppendLog(
      token, {piece.offset(), piece.data()},
      [self = shared_from_this(), token, end](absl::Status status) {
        // Output that is refused is of no use to anybody: forget it.
        if (status.ok() || !IsRetryable(status)) {
          self->Acknowledge(token, 0, end, false);
        } else {
          self->Close(std::move(status));
        }
        self->Ended();
      });
  return absl::OkStatus();
}

absl::Status WorkerStream::TakeHeartbeat(const v1::WorkerHeartbeat& heartbeat) {
  ASSAY_ASSIGN_OR_RETURN(
      const HeldAttempts held,
      ToHeld("heartbeat.held.slot", heartbeat.held(), hello_.slots));
  context_.workers.Heartbeat(this, held);
  return absl::OkStatus();
}

void WorkerStream::Refused(Token token, const absl::Status& status) {
  if (IsRetryable(status)) return Close(status);
  StopAttempt(token, std::string(status.message()), /*kill=*/true);
}

void WorkerStream::Begun() {
  MutexLock lock(mutex_);
  ++unwritten_;
}

void WorkerStream::Ended() {
  MutexLock lock(mutex_);
  --unwritten_;
  if (!reading_paused_ || closed_ || unwritten_ > kMaxUnwritten / 2) return;
  reading_paused_ = false;
  StartRead(&incoming_);
}

// --- To the worker ----------------------------------------------------------

void WorkerStream::Welcome(absl::Duration lease,
                           const std::vector<WorkerVerdict>& verdicts) {
  v1::ServerMessage message;
  v1::Welcome& welcome = *message.mutable_welcome();
  const double seconds = absl::ToDoubleSeconds(lease);
  welcome.set_lease_seconds(seconds);
  // Three of them may be lost or late.
  welcome.set_heartbeat_seconds(seconds / 4);
  for (const WorkerVerdict& verdict : verdicts) {
    v1::Verdict& to = *welcome.add_verdicts();
    SetToken(verdict.token, to);
    to.set_go_on(verdict.go_on);
    to.set_new_attempt(verdict.new_attempt);
    to.set_reason(verdict.reason);
  }
  Send(std::move(message));
}

void WorkerStream::Assign(const Handout& handout) {
  v1::ServerMessage message;
  v1::WorkerAssignment& assignment = *message.mutable_assignment();
  *assignment.mutable_trial() =
      assay::ToMessage(handout.trial, handout.study_seed);
  assignment.set_attempt(handout.attempt.number);
  const absl::StatusOr<StudyView> view =
      context_.studies.Get(handout.trial.study);
  if (!view.ok()) return;  // Deleted meanwhile: the lease runs out.
  const v1::StudySpec spec = DecodeSpec(view->spec_text);
  assignment.set_study(spec.name());
  *assignment.mutable_template_() = spec.trial();
  if (spec.has_schedule()) *assignment.mutable_schedule() = spec.schedule();
  *assignment.mutable_metrics() = spec.metrics();
  if (handout.resume) {
    *assignment.mutable_resume() = assay::ToMessage(*handout.resume);
  }
  assignment.set_final_checkpoint(HasContinuations(*view->spec));
  if (view->spec->gradients.exists()) {
    *assignment.mutable_gradients() = assay::ToMessage(view->spec->gradients);
  }
  Send(std::move(message));
}

void WorkerStream::StopAttempt(Token token, const std::string& reason,
                               bool kill) {
  v1::ServerMessage message;
  SetToken(token, *message.mutable_stop());
  message.mutable_stop()->set_reason(reason);
  message.mutable_stop()->set_kill(kill);
  Send(std::move(message));
}

void WorkerStream::Drain(bool draining) {
  v1::ServerMessage message;
  message.mutable_drain()->set_draining(draining);
  Send(std::move(message));
}

void WorkerStream::Send(v1::ServerMessage message) {
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    if (queue_.size() < kMaxQueued) {
      queue_.push_back(std::move(message));
      if (!writing_) WriteNext();
      return;
    }
  }
  Close(absl::ResourceExhaustedError("the worker does not read"));
}

void WorkerStream::Acknowledge(Token token, int64_t sequence, int64_t offset,
                               bool finished) {
  MutexLock lock(mutex_);
  if (closed_) return;
  v1::Acknowledgement& merged = acknowledgements_[token];
  SetToken(token, merged);
  merged.set_through_sequence(std::max(merged.through_sequence(), sequence));
  merged.set_through_offset(std::max(merged.through_offset(), offset));
  merged.set_finished(merged.finished() || finished);
  if (!writing_) WriteNext();
}

void WorkerStream::WriteNext() {
  if (!queue_.empty()) {
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
  } else if (!acknowledgements_.empty()) {
    outgoing_.Clear();
    *outgoing_.mutable_acknowledgement() =
        std::move(acknowledgements_.begin()->second);
    acknowledgements_.erase(acknowledgements_.begin());
  } else {
    writing_ = false;
    return;
  }
  writing_ = true;
  StartWrite(&outgoing_);
}

void WorkerStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(mutex_);
    writing_ = false;
    if (closed_) return;
    if (ok) return WriteNext();
  }
  Close(absl::OkStatus());
}

// --- The end ----------------------------------------------------------------

void WorkerStream::Close(absl::Status status) {
  {
    MutexLock lock(mutex_);
    if (std::exchange(closed_, true)) return;
    queue_.clear();
    acknowledgements_.clear();
  }
  record_.End(status);
  Finish(ToGrpcStatus(status));
}

void WorkerStream::OnCancel() {
  Close(absl::CancelledError("the stream broke"));
}

void WorkerStream::OnDone() {
  if (greeted_) {
    context_.workers.Disconnect(this);
    spdlog::info("worker \"{}\" disconnected", hello_.name);
  }
  self_ = nullptr;
}

}  // namespace assay
