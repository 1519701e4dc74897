#pragma once

#include <atomic>

#include "assay/v1/study.grpc.pb.h"
#include "server/grpc/service_context.h"

namespace assay {

// Studies over gRPC: reads the request, calls, writes the response.
class StudyService final : public v1::StudyService::CallbackService {
 public:
  static constexpr int kMaxStreams = 1000;  // Watch and Export.

  // `context` must outlive this.
  explicit StudyService(const ServiceContext& context) : context_(context) {}

  // Watch and Export calls that are open.
  int streams() const { return streams_; }

  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* call,
                                   const v1::CreateStudyRequest* request,
                                   v1::Study* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const v1::GetStudyRequest* request,
                                v1::Study* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const v1::ListStudiesRequest* request,
                                 v1::ListStudiesResponse* response) override;
  grpc::ServerUnaryReactor* Update(grpc::CallbackServerContext* call,
                                   const v1::UpdateStudyRequest* request,
                                   v1::Study* response) override;
  grpc::ServerUnaryReactor* Pause(grpc::CallbackServerContext* call,
                                  const v1::GetStudyRequest* request,
                                  v1::Study* response) override;
  grpc::ServerUnaryReactor* Resume(grpc::CallbackServerContext* call,
                                   const v1::GetStudyRequest* request,
                                   v1::Study* response) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* call,
                                 const v1::GetStudyRequest* request,
                                 v1::Study* response) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* call,
                                   const v1::GetStudyRequest* request,
                                   v1::Empty* response) override;
  grpc::ServerUnaryReactor* Optimal(grpc::CallbackServerContext* call,
                                    const v1::OptimalRequest* request,
                                    v1::OptimalResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchStudyResponse>* Watch(
      grpc::CallbackServerContext* call,
      const v1::WatchStudyRequest* request) override;
  grpc::ServerWriteReactor<v1::ExportStudyResponse>* Export(
      grpc::CallbackServerContext* call,
      const v1::ExportStudyRequest* request) override;

 private:
  const ServiceContext& context_;
  std::atomic<int> streams_ = 0;
};

// With spec, time used, stock, and why its trials wait.
v1::Study ToMessage(const ServiceContext& context, const StudyView& view);

}  // namespace assay
