#include "server/grpc/report_calls.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <vector>

#include "assay/v1/trial.grpc.pb.h"
#include "server/grpc/trial_service.h"
#include "tests/server/grpc/service_context_of.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

class ReportCallsTest : public CoreTest {
 protected:
  ReportCallsTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    calls_.AddTo(builder);
    server_ = builder.BuildAndStart();
    calls_.Start();
    stub_ = v1::TrialService::NewStub(server_->InProcessChannel({}));
  }

  ~ReportCallsTest() override {
    server_->Shutdown();
    core_->Settle();
    calls_.Stop();
  }

  v1::ReportRequest RequestOf(Token token, int64_t sequence) {
    v1::ReportRequest request;
    request.set_trial_id(token.trial.value);
    request.set_attempt(token.attempt);
    request.mutable_measurement()->set_sequence(sequence);
    (*request.mutable_measurement()->mutable_metrics())["loss"] = 1;
    return request;
  }

  // Until a report waits for the storage, which holds it.
  void AwaitHeld() {
    while (core_->storage.held() == 0) {
      EXPECT_EQ(Report({TrialId{0}, 1}, -1).Get().error_code(),
                grpc::StatusCode::INVALID_ARGUMENT);
    }
  }

  // Does not wait.
  Later<grpc::Status> Report(Token token, int64_t sequence) {
    Started& call = started_.emplace_back();
    call.request = RequestOf(token, sequence);
    stub_->async()->Report(&call.context, &call.request, &call.response,
                           [later = call.status](grpc::Status status) mutable {
                             later.Callback()(std::move(status));
                           });
    return call.status;
  }

  struct Started {
    grpc::ClientContext context;
    v1::ReportRequest request;
    v1::ReportResponse response;
    Later<grpc::Status> status;
  };
  std::list<Started> started_;

  StudyId study_ = core_->Create(GridSpec("a", 100));
  ServerMetrics metrics_{clock_.Now()};
  ServiceContext context_ = ContextOf(*core_, metrics_);
  TrialService service_{context_};
  ReportCalls calls_{context_, service_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::TrialService::Stub> stub_;
};

TEST_F(ReportCallsTest, ManyAtOnceAreEachAnsweredOnce) {
  const Token token = TokenOf(core_->Lease(study_, "c"));
  std::vector<Later<grpc::Status>> answers;
  for (int64_t i = 1; i <= 300; ++i) answers.push_back(Report(token, i));
  for (const auto& answer : answers) EXPECT_TRUE(answer.Get().ok());
  EXPECT_EQ(core_->StudyOf(study_).counts.measurements, 300);
}

TEST_F(ReportCallsTest, AnErrorComesWithItsCodeAndWords) {
  const grpc::Status status = Report({TrialId{99}, 1}, 1).Get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("99"));
}

TEST_F(ReportCallsTest, NothingIsAnsweredBeforeItsCommit) {
  const Token token = TokenOf(core_->Lease(study_, "c"));
  core_->storage.Hold();
  const Later<grpc::Status> held = Report(token, 1);
  AwaitHeld();
  EXPECT_FALSE(held.is_there());
  core_->storage.Release();
  EXPECT_TRUE(held.Get().ok());
}

TEST_F(ReportCallsTest, ACallThatIsCancelledIsRecordedAllTheSame) {
  const Token token = TokenOf(core_->Lease(study_, "c"));
  core_->storage.Hold();
  const Later<grpc::Status> held = Report(token, 1);
  AwaitHeld();
  started_.front().context.TryCancel();
  EXPECT_EQ(held.Get().error_code(), grpc::StatusCode::CANCELLED);
  core_->storage.Release();
  core_->Settle();
  EXPECT_EQ(core_->StudyOf(study_).counts.measurements, 1);
}

}  // namespace
}  // namespace assay
