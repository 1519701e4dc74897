#pragma once

#include "assay/v1/server.grpc.pb.h"
#include "server/grpc/service_context.h"

namespace assay {

// The coordinator itself over gRPC, for its operator.
class ServerService final : public v1::ServerService::CallbackService {
 public:
  // `context` must outlive this.
  explicit ServerService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Backup(grpc::CallbackServerContext* call,
                                   const v1::BackupRequest* request,
                                   v1::BackupResponse* response) override;
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* call,
                                  const v1::CheckRequest* request,
                                  v1::CheckResponse* response) override;
  grpc::ServerUnaryReactor* Info(grpc::CallbackServerContext* call,
                                 const v1::InfoRequest* request,
                                 v1::InfoResponse* response) override;

 private:
  const ServiceContext& context_;
};

}  // namespace assay
