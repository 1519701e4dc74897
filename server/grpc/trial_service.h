#pragma once

#include "assay/v1/trial.grpc.pb.h"
#include "server/grpc/service_context.h"

namespace assay {

// Every method by callbacks but Report: see report_calls.h.
template <class Base>
using TrialCallbacks = v1::TrialService::WithCallbackMethod_Suggest<
    v1::TrialService::WithCallbackMethod_Heartbeat<
        v1::TrialService::WithCallbackMethod_Complete<v1::TrialService::WithCallbackMethod_Fail<
            v1::TrialService::WithCallbackMethod_Enqueue<
                v1::TrialService::WithCallbackMethod_CreateTrial<
                    v1::TrialService::WithCallbackMethod_Stop<
                        v1::TrialService::WithCallbackMethod_Retry<
                            v1::TrialService::WithCallbackMethod_Get<
                                v1::TrialService::WithCallbackMethod_List<
                                    v1::TrialService::WithCallbackMethod_Curve<
                                        v1::TrialService::WithCallbackMethod_Log<
                                            v1::TrialService::
                                                WithCallbackMethod_SetAttributes<
                                                    v1::TrialService::
                                                        WithCallbackMethod_ListAttributes<
                                                            Base>>>>>>>>>>>>>>;

// Trials over gRPC: reads the request, calls, writes the response.
class TrialService final
    : public TrialCallbacks<
          v1::TrialService::WithRawMethod_Report<v1::TrialService::Service>> {
 public:
  // `context` must outlive this.
  explicit TrialService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Suggest(grpc::CallbackServerContext* call,
                                    const v1::SuggestRequest* request,
                                    v1::SuggestResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* call,
                                      const v1::HeartbeatRequest* request,
                                      v1::ReportResponse* response) override;
  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* call,
                                     const v1::CompleteRequest* request,
                                     v1::Trial* response) override;
  grpc::ServerUnaryReactor* Fail(grpc::CallbackServerContext* call,
                                 const v1::FailRequest* request,
                                 v1::Trial* response) override;
  grpc::ServerUnaryReactor* Enqueue(grpc::CallbackServerContext* call,
                                    const v1::EnqueueRequest* request,
                                    v1::Trial* response) override;
  grpc::ServerUnaryReactor* CreateTrial(grpc::CallbackServerContext* call,
                                        const v1::CreateTrialRequest* request,
                                        v1::Trial* response) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* call,
                                 const v1::StopTrialRequest* request,
                                 v1::Trial* response) override;
  grpc::ServerUnaryReactor* Retry(grpc::CallbackServerContext* call,
                                  const v1::RetryTrialRequest* request,
                                  v1::Trial* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const v1::GetTrialRequest* request,
                                v1::Trial* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const v1::ListTrialsRequest* request,
                                 v1::ListTrialsResponse* response) override;
  grpc::ServerUnaryReactor* Curve(grpc::CallbackServerContext* call,
                                  const v1::CurveRequest* request,
                                  v1::CurveResponse* response) override;
  grpc::ServerUnaryReactor* Log(grpc::CallbackServerContext* call,
                                const v1::LogRequest* request,
                                v1::LogResponse* response) override;
  grpc::ServerUnaryReactor* SetAttributes(
      grpc::CallbackServerContext* call,
      const v1::SetAttributesRequest* request, v1::Empty* response) override;
  grpc::ServerUnaryReactor* ListAttributes(
      grpc::CallbackServerContext* call,
      const v1::ListAttributesRequest* request,
      v1::ListAttributesResponse* response) override;

 private:
  const ServiceContext& context_;
};

}  // namespace assay
