#include "server/connect/connect_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/grpc/peer.h"

namespace assay {

ConnectCall::ConnectCall(ConnectRequest request,
                         std::unique_ptr<ConnectAnswer> answer,
                         const MessageCodec& codec, Executor& pool,
                         OnEnd on_end)
    : request_(std::move(request)),
      answer_(std::move(answer)),
      codec_(codec),
      pool_(pool),
      on_end_(std::move(on_end)) {
  if (request_.deadline) context_.set_deadline(*request_.deadline);
  context_.AddMetadata(kHttpPeer, request_.peer);
  if (!request_.authorization.empty()) {
    context_.AddMetadata("authorization", request_.authorization);
  }
}

ConnectCall::~ConnectCall() { on_end_(); }

void ConnectCall::Start(grpc::GenericStub& stub) {
  answer_->SetOnCancel([weak = weak_from_this()](absl::Status why) {
    if (const auto call = weak.lock()) call->Cancel(std::move(why));
  });
  pool_.Post([self = shared_from_this(), &stub] { self->Send(stub); });
}

void ConnectCall::Send(grpc::GenericStub& stub) {
  const auto& method = *request_.method;
  absl::StatusOr<grpc::ByteBuffer> message =
      codec_.Read(request_.message, request_.format, *method.input_type());
  if (!message.ok()) return answer_->End(message.status());
  request_.message.clear();
  sent_ = *std::move(message);
  self_ = shared_from_this();
  stub.PrepareBidiStreamingCall(
      &context_,
      absl::StrCat("/", method.service()->full_name(), "/", method.name()), {},
      this);
  AddHold();  // For reads, which start outside of gRPC's callbacks.
  StartWriteLast(&sent_, {});
  StartCall();
  answer_->Begin(
      [this, turn = Turn(this)]() mutable { Read(std::move(turn)); });
}

void ConnectCall::Read(Turn turn) {
  turn.release();
  StartRead(&received_);
}

void ConnectCall::OnReadDone(bool ok) {
  if (!ok) return RemoveHold();
  pool_.Post([this, turn = Turn(this)]() mutable { Deliver(std::move(turn)); });
}

void ConnectCall::Deliver(Turn turn) {
  const auto self = shared_from_this();  // The end may come before Write() is.
  absl::StatusOr<std::string> message =
      codec_.Write(received_, request_.format, *request_.method->output_type());
  received_.Clear();
  if (!message.ok()) return Cancel(message.status());
  answer_->Write(*std::move(message), [this, turn = std::move(turn)]() mutable {
    Read(std::move(turn));
  });
}

void ConnectCall::Cancel(absl::Status why) {
  {
    MutexLock lock(mutex_);
    cancelled_ = std::move(why);
  }
  context_.TryCancel();
}

void ConnectCall::Drop() {
  context_.TryCancel();
  RemoveHold();
}

void ConnectCall::OnDone(const grpc::Status& status) {
  answer_->End(Outcome(status));
  self_ = nullptr;
}

absl::Status ConnectCall::Outcome(const grpc::Status& status) {
  MutexLock lock(mutex_);
  if (!status.ok() && !cancelled_.ok()) return cancelled_;
  // The codes have the same numbers by design.
  return {static_cast<absl::StatusCode>(status.error_code()),
          status.error_message()};
}

}  // namespace assay
