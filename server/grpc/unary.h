#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/base/mutex.h"
#include "server/grpc/peer.h"
#include "server/grpc/service_context.h"

namespace assay {

grpc::Status ToGrpcStatus(const absl::Status& status);

// Refuses, or counts and times, one call.
class CallRecord {
 public:
  CallRecord(const ServiceContext& context, std::string method)
      : context_(&context),
        method_(std::move(method)),
        started_(context.clock.SinceBoot()) {}

  absl::Status Admit(const grpc::ServerContextBase& call) const {
    return context_->admit({PeerOf(call)}, method_);
  }
  // Counts it, and logs what is a defect of ours.
  void End(const absl::Status& status) const;

 private:
  const ServiceContext* context_;
  std::string method_;
  absl::Duration started_;
};

// A unary call that is answered later, from any thread, and may be cancelled.
class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  void OnDone() override { delete this; }
  void OnCancel() override {
    absl::AnyInvocable<void()> cancel;
    {
      MutexLock lock(mutex_);
      cancelled_ = true;
      cancel = std::exchange(on_cancel_, nullptr);
    }
    if (cancel) cancel();
  }

  // Calls it once the client has left; at once if it has already.
  void SetOnCancel(absl::AnyInvocable<void()> cancel) {
    {
      MutexLock lock(mutex_);
      if (!cancelled_) {
        on_cancel_ = std::move(cancel);
        return;
      }
    }
    cancel();
  }

 private:
  Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::AnyInvocable<void()> on_cancel_ ABSL_GUARDED_BY(mutex_);
};

// Answers one call, once. A copy answers the same call; if none does, the last
// one says Unavailable: the work was dropped by a shutdown.
template <class Response>
class Reply {
 public:
  Reply(UnaryReactor* reactor, Response* response, CallRecord record)
      : state_(std::make_shared<State>(reactor, response, std::move(record))) {}

  void operator()(absl::StatusOr<Response> result) const {
    if (result.ok()) *state_->response = *std::move(result);
    state_->End(result.status());
  }

  void OnCancel(absl::AnyInvocable<void()> cancel) const {
    state_->reactor->SetOnCancel(std::move(cancel));
  }

 private:
  struct State {
    State(UnaryReactor* r, Response* m, CallRecord c)
        : reactor(r), response(m), record(std::move(c)) {}
    ~State() {
      if (!ended) End(absl::UnavailableError("the server is shutting down"));
    }
    void End(const absl::Status& status) {
      ended = true;
      record.End(status);
      reactor->Finish(ToGrpcStatus(status));
    }

    UnaryReactor* reactor;
    Response* response;
    CallRecord record;
    bool ended = false;
  };

  std::shared_ptr<State> state_;
};

// What every unary handler is made from: admission, then `act(reply)`.
template <class Response, class Act>
grpc::ServerUnaryReactor* Handle(const ServiceContext& context,
                                 grpc::CallbackServerContext* call,
                                 const char* method, Response* response,
                                 Act act) {
  auto* reactor = new UnaryReactor;
  CallRecord record(context, method);
  Reply<Response> reply(reactor, response, record);
  if (absl::Status admitted = record.Admit(*call); !admitted.ok()) {
    reply(std::move(admitted));
  } else {
    act(std::move(reply));
  }
  return reactor;
}

// The same for what reads the storage: on the pool, so that no thread of gRPC
// waits for a disk. `act()` returns the StatusOr<Response>.
template <class Response, class Act>
grpc::ServerUnaryReactor* HandleOnPool(const ServiceContext& context,
                                       grpc::CallbackServerContext* call,
                                       const char* method, Response* response,
                                       Act act) {
  return Handle(
      context, call, method, response,
      [&context, act = std::move(act)](Reply<Response> reply) mutable {
        context.pool.Post([reply = std::move(reply),
                           act = std::move(act)]() mutable { reply(act()); });
      });
}

}  // namespace assay
