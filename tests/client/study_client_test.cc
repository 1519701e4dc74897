#include "client/study_client.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "assay/v1/study.grpc.pb.h"
#include "assay/v1/trial.grpc.pb.h"

namespace assay {
namespace {

// Answers by the book, after failing as often as it is told to.
class FakeTrials final : public v1::TrialService::Service {
 public:
  grpc::Status Suggest(grpc::ServerContext*, const v1::SuggestRequest* request,
                       v1::SuggestResponse* response) override {
    std::lock_guard<std::mutex> lock(mutex);
    client_id = request->client_id();
    if (failures-- > 0) {
      return {grpc::StatusCode::UNAVAILABLE, "not now"};
    }
    if (over) return {grpc::StatusCode::OUT_OF_RANGE, "it is over"};
    for (int i = 0; i < request->count(); ++i) {
      v1::Assignment& assignment = *response->add_assignments();
      assignment.mutable_trial()->set_id(first_trial + i);
      assignment.set_attempt(1);
      assignment.set_lease_seconds(request->client_lease());
    }
    return grpc::Status::OK;
  }
  grpc::Status Report(grpc::ServerContext*, const v1::ReportRequest* request,
                      v1::ReportResponse* response) override {
    std::lock_guard<std::mutex> lock(mutex);
    sequences.push_back(request->measurement().sequence());
    if (failures-- > 0) {
      return {grpc::StatusCode::UNAVAILABLE, "the answer was lost"};
    }
    response->set_should_stop(sequences.size() > 3);
    return grpc::Status::OK;
  }
  grpc::Status Heartbeat(grpc::ServerContext*,
                         const v1::HeartbeatRequest* request,
                         v1::ReportResponse*) override {
    {
      std::lock_guard<std::mutex> lock(mutex);
      ++heartbeats[request->trial_id()];
    }
    changed.notify_all();
    return grpc::Status::OK;
  }
  grpc::Status Complete(grpc::ServerContext*,
                        const v1::CompleteRequest* request,
                        v1::Trial* response) override {
    response->set_id(request->trial_id());
    response->set_state(v1::Trial::COMPLETED);
    std::lock_guard<std::mutex> lock(mutex);
    ++first_trial;
    return grpc::Status::OK;
  }

  std::mutex mutex;
  std::condition_variable changed;
  int failures = 0;
  bool over = false;
  int64_t first_trial = 1;
  std::string client_id;
  std::vector<int64_t> sequences;
  std::map<int64_t, int> heartbeats;
};

// Breaks each stream after one message.
class FakeStudies final : public v1::StudyService::Service {
 public:
  grpc::Status Watch(grpc::ServerContext*, const v1::WatchStudyRequest* request,
                     grpc::ServerWriter<v1::WatchStudyResponse>* writer) override {
    v1::WatchStudyResponse message;
    message.set_revision(request->after() + 5);
    writer->Write(message);
    return {grpc::StatusCode::UNAVAILABLE, "the stream broke"};
  }
};

class StudyClientTest : public testing::Test {
 protected:
  StudyClientTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&trials_);
    builder.RegisterService(&studies_);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }

  FakeTrials trials_;
  FakeStudies studies_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(StudyClientTest, AsksAgainWhileTheServerIsUnavailable) {
  trials_.failures = 2;
  StudyClient client(address_);
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(held->trial().id(), 1);
}

TEST_F(StudyClientTest, ARepeatedReportHasTheSameSequence) {
  StudyClient client(address_);
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  trials_.failures = 1;
  ASSERT_TRUE(client.Report(*held, 1, {{"loss", 0.5}}).ok());
  ASSERT_TRUE(client.Report(*held, 2, {{"loss", 0.4}}).ok());
  EXPECT_EQ(trials_.sequences, (std::vector<int64_t>{1, 1, 2}));
}

TEST_F(StudyClientTest, SaysWhenTheTrialShouldStop) {
  StudyClient client(address_);
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  for (int step = 1; step <= 3; ++step) {
    EXPECT_FALSE(*client.Report(*held, step, {{"loss", 0.5}}));
  }
  EXPECT_TRUE(*client.Report(*held, 4, {{"loss", 0.5}}));
}

TEST_F(StudyClientTest, ThreadsOfOneClientGetDifferentTrials) {
  StudyClient client(address_);
  const auto first = client.Ask(1), second = client.Ask(1);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->trial().id(), second->trial().id());
}

TEST_F(StudyClientTest, HeldTrialsAreRenewed) {
  StudyClient client(address_, {.lease = absl::Milliseconds(60)});
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  std::unique_lock<std::mutex> lock(trials_.mutex);
  EXPECT_TRUE(trials_.changed.wait_for(lock, std::chrono::seconds(30), [&] {
    return trials_.heartbeats[held->trial().id()] >= 2;
  }));
}

TEST_F(StudyClientTest, WhenItIsOverItSaysSo) {
  trials_.over = true;
  StudyClient client(address_);
  EXPECT_TRUE(absl::IsOutOfRange(client.Ask(1).status()));
}

TEST_F(StudyClientTest, EachClientDrawsItsOwnId) {
  StudyClient one(address_), two(address_);
  EXPECT_NE(one.client_id(), two.client_id());
  EXPECT_EQ(StudyClient(address_, {.client_id = "me"}).client_id(), "me");
}

TEST_F(StudyClientTest, WatchGoesOnFromTheLastRevision) {
  StudyClient client(address_);
  std::vector<int64_t> revisions;
  EXPECT_TRUE(client
                  .Watch("1",
                         [&](const v1::WatchStudyResponse& message) {
                           revisions.push_back(message.revision());
                           return revisions.size() < 3;
                         })
                  .ok());
  EXPECT_EQ(revisions, (std::vector<int64_t>{5, 10, 15}));
}

}  // namespace
}  // namespace assay
