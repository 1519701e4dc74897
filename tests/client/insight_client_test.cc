// What StudyClient asks InsightService.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "assay/v1/insight.grpc.pb.h"
#include "client/study_client.h"

namespace assay {
namespace {

// Says what it was asked.
class FakeInsight final : public v1::InsightService::Service {
 public:
  grpc::Status Importance(grpc::ServerContext*,
                          const v1::ImportanceRequest* request,
                          v1::ImportanceResponse* response) override {
    if (request->study() == "few") {
      return {grpc::StatusCode::FAILED_PRECONDITION, "3 configurations"};
    }
    response->set_metric(
        absl::StrCat(request->study(), ":", request->metric()));
    return grpc::Status::OK;
  }
  grpc::Status Predict(grpc::ServerContext*, const v1::PredictRequest* request,
                       v1::PredictResponse* response) override {
    for (int i = 0; i < request->configurations_size(); ++i) {
      response->add_predictions();
    }
    return grpc::Status::OK;
  }
  grpc::Status Quality(grpc::ServerContext*, const v1::QualityRequest* request,
                       v1::QualityResponse* response) override {
    response->set_metric(
        absl::StrCat(request->study(), ":", request->metric()));
    return grpc::Status::OK;
  }
};

class InsightClientTest : public ::testing::Test {
 protected:
  InsightClientTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&insight_);
    server_ = builder.BuildAndStart();
    client_.emplace(absl::StrCat("127.0.0.1:", port));
  }

  FakeInsight insight_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<StudyClient> client_;
};

TEST_F(InsightClientTest, AsksOfAStudyAndAMetric) {
  EXPECT_EQ(client_->Importance("s")->metric(), "s:");
  EXPECT_EQ(client_->Importance("s", "loss")->metric(), "s:loss");
  EXPECT_EQ(client_->Quality("7", "loss")->metric(), "7:loss");
  v1::PredictRequest request;
  request.add_configurations();
  request.add_configurations();
  EXPECT_EQ(client_->Predict(request)->predictions_size(), 2);
}

TEST_F(InsightClientTest, ARefusalIsTheAnswer) {
  const absl::Status status = client_->Importance("few").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

}  // namespace
}  // namespace assay
