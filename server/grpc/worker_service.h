#pragma once

#include "assay/v1/worker.grpc.pb.h"
#include "server/grpc/service_context.h"

namespace assay {

// Workers over gRPC: reads the message, calls, writes the answer.
class WorkerService final : public v1::WorkerService::CallbackService {
 public:
  // `context` must outlive this.
  explicit WorkerService(const ServiceContext& context) : context_(context) {}

  grpc::ServerBidiReactor<v1::WorkerMessage, v1::ServerMessage>* Connect(
      grpc::CallbackServerContext* call) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const v1::ListWorkersRequest* request,
                                 v1::ListWorkersResponse* response) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* call,
                                  const v1::DrainWorkerRequest* request,
                                  v1::Worker* response) override;

 private:
  const ServiceContext& context_;
};

}  // namespace assay
