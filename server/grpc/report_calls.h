#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "search/base/mutex.h"
#include "server/grpc/service_context.h"
#include "server/grpc/trial_service.h"

namespace assay {

// TrialService/Report, the call that comes most often, on a completion queue
// and a thread of its own: the answers of one commit wake it once and leave
// together. gRPC's callbacks would wake one of its threads for each.
class ReportCalls {
 public:
  // Both must outlive this.
  ReportCalls(const ServiceContext& context, TrialService& service);
  ~ReportCalls();

  ReportCalls(const ReportCalls&) = delete;
  ReportCalls& operator=(const ReportCalls&) = delete;

  // Of the server that `service` is registered with: before it is built, and
  // after.
  void AddTo(grpc::ServerBuilder& builder);
  void Start();

  // After the server was shut down and the last report answered.
  void Stop();

 private:
  struct Call;
  // Answers a call whose callback was dropped by a shutdown.
  struct Dropped {
    ReportCalls* calls;
    void operator()(Call* call) const;
  };

  void Run();
  void Await();
  void Take(Call* call);
  void Answer(Call* call, absl::StatusOr<Advice> advice)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Send() ABSL_LOCKS_EXCLUDED(mutex_);
  void Finish(Call* call);

  const ServiceContext& context_;
  TrialService& service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  grpc::Alarm alarm_;  // Wakes the thread; its tag is `this`.

  Mutex mutex_;
  std::vector<Call*> answered_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace assay
