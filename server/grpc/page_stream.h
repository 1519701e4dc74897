#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/grpc/service_context.h"
#include "server/grpc/unary.h"

namespace assay {

// A server stream without a queue: one message in flight, the next one is made
// on the pool once the last was taken. Subclasses make messages.
template <class Response>
class PageStream : public grpc::ServerWriteReactor<Response>,
                   public std::enable_shared_from_this<PageStream<Response>> {
 public:
  // `open` counts streams and is above 0 while this lives.
  PageStream(const ServiceContext& context, CallRecord record,
             std::atomic<int>& open)
      : context_(context), record_(std::move(record)), open_(open) {
    ++open_;
  }
  ~PageStream() override { --open_; }

  // Once, by who made it. The stream owns itself until it is done.
  void Begin() {
    self_ = this->shared_from_this();
    Continue();
  }
  void Refuse(absl::Status status) {
    self_ = this->shared_from_this();
    End(std::move(status));
  }

  void OnWriteDone(bool ok) override {
    if (ok) return Continue();
    End(absl::CancelledError("the client left"));
  }
  void OnCancel() override {
    cancelled_ = true;
    if (StopWaiting()) End(absl::CancelledError("the client left"));
  }
  void OnDone() override { self_ = nullptr; }

 protected:
  // On the pool. The next message; nullopt: after SetAtEnd() the end, else not
  // yet: Continue() is called later, perhaps before this has returned, so that
  // whoever waits touches nothing afterwards.
  virtual absl::StatusOr<std::optional<Response>> Next() = 0;

  // True if it is now certain that a pending wait will not call Continue().
  virtual bool StopWaiting() { return false; }

  // Says, in Next(), that nothing comes any more.
  void SetAtEnd() { at_end_ = true; }

  void Continue() {
    context_.pool.Post([self = this->shared_from_this()] { self->MakeNext(); });
  }

  bool is_cancelled() const { return cancelled_; }

  const ServiceContext& context_;

 private:
  void MakeNext() {
    if (cancelled_) return End(absl::CancelledError("the client left"));
    absl::StatusOr<std::optional<Response>> next = Next();
    if (!next.ok()) return End(next.status());
    if (!next->has_value()) {
      if (at_end_) End(absl::OkStatus());
      return;
    }
    message_ = **std::move(next);
    this->StartWrite(&message_);
  }

  void End(absl::Status status) {
    if (ended_.exchange(true)) return;
    record_.End(status);
    this->Finish(ToGrpcStatus(status));
  }

  CallRecord record_;
  std::atomic<int>& open_;
  Response message_;
  bool at_end_ = false;
  std::atomic<bool> ended_ = false;
  std::atomic<bool> cancelled_ = false;
  std::shared_ptr<PageStream> self_;
};

}  // namespace assay
