#include "server/grpc/report_calls.h"

#include <chrono>
#include <optional>
#include <utility>

#include "proto/convert.h"
#include "server/grpc/refuse_unparsable.h"
#include "server/grpc/trial_requests.h"
#include "server/grpc/unary.h"

namespace assay {
namespace {

// Calls that gRPC may hand over before the thread asks for more.
constexpr int kAwaited = 64;

}  // namespace

struct ReportCalls::Call {
  explicit Call(const ServiceContext& service)
      : record(service, "TrialService/Report") {}

  grpc::ServerContext context;
  grpc::ByteBuffer request;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer{&context};
  CallRecord record;
  absl::StatusOr<Advice> answer;
  bool finished = false;
};

ReportCalls::ReportCalls(const ServiceContext& context, TrialService& service)
    : context_(context), service_(service) {}

ReportCalls::~ReportCalls() { Stop(); }

void ReportCalls::AddTo(grpc::ServerBuilder& builder) {
  queue_ = builder.AddCompletionQueue();
}

void ReportCalls::Start() {
  for (int i = 0; i < kAwaited; ++i) Await();
  thread_ = std::thread([this] { Run(); });
}

void ReportCalls::Stop() {
  if (!thread_.joinable()) return;
  queue_->Shutdown();
  thread_.join();
}

void ReportCalls::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    if (tag == this) {
      Send();
      continue;
    }
    Call* call = static_cast<Call*>(tag);
    if (call->finished || !ok) {
      delete call;
      continue;
    }
    Await();
    Take(call);
  }
}

void ReportCalls::Await() {
  Call* call = new Call(context_);
  service_.RequestReport(&call->context, &call->request, &call->writer,
                         queue_.get(), queue_.get(), call);
}

void ReportCalls::Take(Call* call) {
  call->record = CallRecord(context_, "TrialService/Report");
  if (absl::Status bad = call->record.Admit(call->context); !bad.ok()) {
    return Answer(call, std::move(bad));
  }
  v1::ReportRequest request;
  if (!grpc::SerializationTraits<v1::ReportRequest>::Deserialize(&call->request,
                                                                 &request)
           .ok()) {
    return Answer(call, Unparsable());
  }
  absl::StatusOr<Measurement> measurement =
      ToMeasurement(request.measurement());
  if (!measurement.ok()) return Answer(call, measurement.status());
  context_.metrics.CountReport(1);
  std::unique_ptr<Call, Dropped> held(call, Dropped{this});
  context_.recorder.Report(
      {TrialId{request.trial_id()}, request.attempt()}, *std::move(measurement),
      [this, held = std::move(held)](absl::StatusOr<Advice> advice) mutable {
        Answer(held.release(), std::move(advice));
      });
}

void ReportCalls::Dropped::operator()(Call* call) const {
  calls->Answer(call, absl::UnavailableError("the server is shutting down"));
}

void ReportCalls::Answer(Call* call, absl::StatusOr<Advice> advice) {
  call->answer = std::move(advice);
  {
    MutexLock lock(mutex_);
    answered_.push_back(call);
    if (std::exchange(woken_, true)) return;
  }
  alarm_.Set(queue_.get(), std::chrono::system_clock::time_point(), this);
}

void ReportCalls::Send() {
  for (;;) {
    std::vector<Call*> calls;
    {
      MutexLock lock(mutex_);
      calls.swap(answered_);
      woken_ = !calls.empty();
    }
    if (calls.empty()) return;
    for (Call* call : calls) Finish(call);
  }
}

void ReportCalls::Finish(Call* call) {
  call->finished = true;
  const absl::Status status = call->answer.status();
  call->record.End(status);
  if (!status.ok()) {
    call->writer.FinishWithError(ToGrpcStatus(status), call);
    return;
  }
  v1::ReportResponse response;
  response.set_should_stop(call->answer->should_stop);
  response.set_reason(call->answer->reason);
  grpc::ByteBuffer bytes;
  bool own = false;
  grpc::SerializationTraits<v1::ReportResponse>::Serialize(response, &bytes,
                                                           &own)
      .ok();
  call->writer.Finish(bytes, grpc::Status::OK, call);
}

}  // namespace assay
