// Each method of each service asks for admission before it does anything.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/grpc/checkpoint_service.h"
#include "server/grpc/insight_service.h"
#include "server/grpc/report_calls.h"
#include "server/grpc/server_service.h"
#include "server/grpc/study_service.h"
#include "server/grpc/trial_service.h"
#include "server/grpc/worker_service.h"
#include "tests/server/checkpoint_fixture.h"
#include "tests/server/grpc/service_context_of.h"

namespace assay {
namespace {

using google::protobuf::MethodDescriptor;

// Of every service of every file of ours.
std::vector<const MethodDescriptor*> OurMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const auto& entry :
       std::filesystem::directory_iterator(ASSAY_PROTO_FOLDER)) {
    const std::string name = entry.path().filename().string();
    const auto* file =
        google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
            absl::StrCat("assay/v1/", name));
    if (file == nullptr) {
      ADD_FAILURE() << name << " is not linked in";
      continue;
    }
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  return methods;
}

std::string ShortName(const MethodDescriptor& method) {
  return absl::StrCat(method.service()->name(), "/", method.name());
}

class AdmissionTest : public CheckpointTest {
 protected:
  AdmissionTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&study_service_);
    builder.RegisterService(&trial_service_);
    builder.RegisterService(&worker_service_);
    builder.RegisterService(&server_service_);
    builder.RegisterService(&insight_service_);
    builder.RegisterService(&checkpoint_service_);
    reports_.AddTo(builder);
    server_ = builder.BuildAndStart();
    reports_.Start();
    channel_ = server_->InProcessChannel({});
  }

  ~AdmissionTest() override {
    server_->Shutdown();
    core_.reset();
    reports_.Stop();
  }

  // Sends one empty message, whatever kind of method it is.
  grpc::Status Call(const MethodDescriptor& method) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(30));
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(channel_);
    const auto call = stub.PrepareCall(
        &context,
        absl::StrCat("/", method.service()->full_name(), "/", method.name()),
        &queue);
    const auto await = [&queue](intptr_t tag) {
      void* done = nullptr;
      bool ok = false;
      do {
        ASSERT_TRUE(queue.Next(&done, &ok));
      } while (done != reinterpret_cast<void*>(tag));
    };
    call->StartCall(reinterpret_cast<void*>(1));
    await(1);
    const grpc::Slice empty;
    call->WriteLast(grpc::ByteBuffer(&empty, 1), {},
                    reinterpret_cast<void*>(2));
    await(2);
    grpc::Status status;
    call->Finish(&status, reinterpret_cast<void*>(3));
    await(3);
    return status;
  }

  absl::Status Refuse(const std::string& method) {
    MutexLock lock(mutex_);
    asked_.push_back(method);
    return absl::PermissionDeniedError("not today");
  }

  Mutex mutex_;
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  ServiceContext context_ = ContextOf(
      *core_, metrics_, [this](const Caller&, const std::string& method) {
        return Refuse(method);
      });
  StudyService study_service_{context_};
  TrialService trial_service_{context_};
  ReportCalls reports_{context_, trial_service_};
  WorkerService worker_service_{context_};
  ServerService server_service_{context_};
  Insight insight_{{core_->studies, core_->storage, core_->pool}};
  InsightService insight_service_{context_, insight_};
  CheckpointService checkpoint_service_{context_, *checkpoints_, core_->pool};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(AdmissionTest, EachMethodOfEachServiceAsksForIt) {
  const std::vector<const MethodDescriptor*> methods = OurMethods();
  EXPECT_GE(methods.size(), 30u);
  std::vector<std::string> names;
  for (const MethodDescriptor* method : methods) {
    names.push_back(ShortName(*method));
    const grpc::Status status = Call(*method);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
        << names.back() << ": " << status.error_message();
    EXPECT_EQ(status.error_message(), "not today") << names.back();
  }
  MutexLock lock(mutex_);
  EXPECT_THAT(asked_, testing::ElementsAreArray(names));
}

}  // namespace
}  // namespace assay
