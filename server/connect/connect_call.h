#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/base/mutex.h"
#include "server/connect/connect_answer.h"
#include "server/connect/message_codec.h"
#include "server/executor.h"

namespace assay {

// What a client asks for, checked as far as HTTP goes.
struct ConnectRequest {
  const google::protobuf::MethodDescriptor* method = nullptr;
  MessageFormat format = MessageFormat::kJson;
  std::string message;
  std::optional<std::chrono::system_clock::time_point> deadline;
  std::string peer;
  std::string authorization;  // The header, "" without one.
};

// One call of our own gRPC server, on behalf of a client that speaks HTTP: what
// it may, what it is told and what is counted are decided there.
//
//   parse -> call, Begin -> read -> convert -> Write -> read ... -> End
//
// Each step waits for the one before, so that at most one message is held for a
// client that reads slowly. Conversions run on the pool, the rest on threads
// that are never kept. Owns itself until the end.
class ConnectCall final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public std::enable_shared_from_this<ConnectCall> {
 public:
  using OnEnd = absl::AnyInvocable<void()>;

  // `codec` and `pool` must outlive this; `on_end` is called by the destructor.
  ConnectCall(ConnectRequest request, std::unique_ptr<ConnectAnswer> answer,
              const MessageCodec& codec, Executor& pool, OnEnd on_end);
  ~ConnectCall() override;

  // Once, by the handler of the request. `stub` must outlive this.
  void Start(grpc::GenericStub& stub);

  // Thread-safe; at any time. `why` is what the answer says then.
  void Cancel(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  // The right to read the next message; the call ends if nobody uses it.
  struct Dropped {
    void operator()(ConnectCall* call) const { call->Drop(); }
  };
  using Turn = std::unique_ptr<ConnectCall, Dropped>;

  void Send(grpc::GenericStub& stub);
  void Read(Turn turn);
  void Deliver(Turn turn);
  void Drop();
  absl::Status Outcome(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  ConnectRequest request_;
  const std::unique_ptr<ConnectAnswer> answer_;
  const MessageCodec& codec_;
  Executor& pool_;
  OnEnd on_end_;

  grpc::ClientContext context_;
  grpc::ByteBuffer sent_;
  grpc::ByteBuffer received_;
  std::shared_ptr<ConnectCall> self_;  // From the call's start to its end.

  Mutex mutex_;
  absl::Status cancelled_ ABSL_GUARDED_BY(mutex_);  // OK if it was not.
};

}  // namespace assay
