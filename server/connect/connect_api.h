#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "search/base/mutex.h"
#include "server/connect/message_codec.h"
#include "server/executor.h"
#include "server/http/http_route.h"

namespace assay {

// The gRPC API over HTTP/1.1, with messages in JSON or protobuf's own format:
// the Connect protocol, https://connectrpc.com/docs/protocol, unary calls and
// server streams. It adds no rule: each call goes through a channel inside the
// process to the gRPC server, which admits, checks, limits and counts it.
class ConnectApi {
 public:
  // `channel` leads to that server. Messages are converted on `pool`, which
  // must outlive this.
  ConnectApi(const std::shared_ptr<grpc::Channel>& channel, Executor& pool);

  // As Stop().
  ~ConnectApi();

  // POST /SERVICE/METHOD for each method of the services, given by their full
  // names. REQUIRES: they are linked in.
  std::vector<HttpRoute> Routes(const std::vector<std::string>& services);

  // Waits for the calls in progress. They end when the HTTP server or the gRPC
  // server has stopped, and none begins when the HTTP server has.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  HttpRoute Route(const google::protobuf::MethodDescriptor& method);
  void OnEnd() ABSL_LOCKS_EXCLUDED(mutex_);
  void Handle(const google::protobuf::MethodDescriptor& method,
              HttpRequest request, HttpReply reply);

  const MessageCodec codec_;
  grpc::GenericStub stub_;
  Executor& pool_;

  Mutex mutex_;
  CondVar all_ended_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;  // In progress.
};

}  // namespace assay
