#pragma once

#include "assay/v1/insight.grpc.pb.h"
#include "server/grpc/service_context.h"
#include "server/insight.h"

namespace assay {

// What the trials of studies say, over gRPC.
class InsightService final : public v1::InsightService::CallbackService {
 public:
  // Both must outlive this.
  InsightService(const ServiceContext& context, Insight& insight)
      : context_(context), insight_(insight) {}

  grpc::ServerUnaryReactor* Importance(
      grpc::CallbackServerContext* call, const v1::ImportanceRequest* request,
      v1::ImportanceResponse* response) override;
  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* call,
                                    const v1::PredictRequest* request,
                                    v1::PredictResponse* response) override;
  grpc::ServerUnaryReactor* Quality(grpc::CallbackServerContext* call,
                                    const v1::QualityRequest* request,
                                    v1::QualityResponse* response) override;
  grpc::ServerUnaryReactor* Replay(grpc::CallbackServerContext* call,
                                   const v1::ReplayRequest* request,
                                   v1::ReplayResponse* response) override;
  grpc::ServerUnaryReactor* Savings(grpc::CallbackServerContext* call,
                                    const v1::SavingsRequest* request,
                                    v1::SavingsResponse* response) override;

 private:
  const ServiceContext& context_;
  Insight& insight_;
};

}  // namespace assay
