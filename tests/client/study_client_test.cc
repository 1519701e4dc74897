#include "client/study_client.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "assay/v1/study.grpc.pb.h"
#include "assay/v1/trial.grpc.pb.h"
#include "search/base/mutex.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// Gives each name the trial that it holds or else a new one, after failing as
// often as it is told to.
class FakeTrials final : public v1::TrialService::Service {
 public:
  grpc::Status Suggest(grpc::ServerContext*, const v1::SuggestRequest* request,
                       v1::SuggestResponse* response) override {
    MutexLock lock(mutex);
    names.push_back(request->client_id());
    if (failures-- > 0) return {grpc::StatusCode::UNAVAILABLE, "not now"};
    if (over) return {grpc::StatusCode::OUT_OF_RANGE, "it is over"};
    if (nothing_now) {
      response->set_reason("max_parallel: 4 of 4 running");
      return grpc::Status::OK;
    }
    const auto [it, is_new] = running.try_emplace(request->client_id(), newest);
    if (is_new) it->second = ++newest;
    v1::Assignment& assignment = *response->add_assignments();
    assignment.mutable_trial()->set_id(it->second);
    assignment.set_attempt(1);
    assignment.set_lease_seconds(lease_seconds);
    return grpc::Status::OK;
  }
  grpc::Status Get(grpc::ServerContext*, const v1::GetTrialRequest* request,
                   v1::Trial* response) override {
    MutexLock lock(mutex);
    response->set_id(request->trial_id());
    response->mutable_last_measurement()->set_sequence(reports_before);
    return grpc::Status::OK;
  }
  grpc::Status Report(grpc::ServerContext*, const v1::ReportRequest* request,
                      v1::ReportResponse* response) override {
    MutexLock lock(mutex);
    sequences.push_back(request->measurement().sequence());
    if (failures-- > 0) {
      return {grpc::StatusCode::UNAVAILABLE, "the answer was lost"};
    }
    if (sequences.size() > 3) {
      response->set_should_stop(true);
      response->set_reason("worse than the median");
    }
    return grpc::Status::OK;
  }
  grpc::Status Heartbeat(grpc::ServerContext*,
                         const v1::HeartbeatRequest* request,
                         v1::ReportResponse*) override {
    MutexLock lock(mutex);
    ++heartbeats[request->trial_id()];
    changed.NotifyAll();
    if (!lease_lost) return grpc::Status::OK;
    return {grpc::StatusCode::FAILED_PRECONDITION, "the attempt is over"};
  }
  grpc::Status Complete(grpc::ServerContext*,
                        const v1::CompleteRequest* request,
                        v1::Trial* response) override {
    MutexLock lock(mutex);
    if (request->metrics().empty()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "loss: no value"};
    }
    if (broken) return {grpc::StatusCode::INTERNAL, "nobody knows"};
    End(request->trial_id());
    response->set_id(request->trial_id());
    response->set_state(v1::Trial::COMPLETED);
    return grpc::Status::OK;
  }
  grpc::Status Fail(grpc::ServerContext*, const v1::FailRequest* request,
                    v1::Trial* response) override {
    MutexLock lock(mutex);
    End(request->trial_id());
    response->set_state(v1::Trial::FAILED);
    response->set_reason(request->reason());
    return grpc::Status::OK;
  }
  grpc::Status Enqueue(grpc::ServerContext*, const v1::EnqueueRequest* request,
                       v1::Trial* response) override {
    MutexLock lock(mutex);
    request_ids.push_back(request->request_id());
    if (failures-- > 0) {
      return {grpc::StatusCode::UNAVAILABLE, "the answer was lost"};
    }
    *response->mutable_parameters() = request->parameters();
    return grpc::Status::OK;
  }

  // False after half a minute.
  bool AwaitHeartbeats(int64_t trial, int count) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(30);
    MutexLock lock(mutex);
    while (heartbeats[trial] < count) {
      if (!changed.WaitUntil(mutex, deadline) &&
          std::chrono::steady_clock::now() >= deadline) {
        return false;
      }
    }
    return true;
  }

  Mutex mutex;
  CondVar changed;
  int failures = 0;
  bool broken = false;
  bool over = false;
  bool nothing_now = false;
  bool lease_lost = false;
  double lease_seconds = 600;
  int64_t reports_before = 0;
  int64_t newest = 0;
  std::vector<std::string> names, request_ids;
  std::map<std::string, int64_t> running;  // By name.
  std::vector<int64_t> sequences;
  std::map<int64_t, int> heartbeats;  // By trial.

 private:
  void End(int64_t trial) {
    std::erase_if(running, [&](const auto& it) { return it.second == trial; });
  }
};

// Breaks each stream after the messages it has for it.
class FakeStudies final : public v1::StudyService::Service {
 public:
  grpc::Status Get(grpc::ServerContext*, const v1::GetStudyRequest*,
                   v1::Study*) override {
    if (deleted) return {grpc::StatusCode::NOT_FOUND, "it was deleted"};
    return grpc::Status::OK;
  }
  grpc::Status Watch(
      grpc::ServerContext*, const v1::WatchStudyRequest* request,
      grpc::ServerWriter<v1::WatchStudyResponse>* writer) override {
    MutexLock lock(mutex);
    afters.push_back(request->after());
    if (!streams.empty()) {
      for (const auto& message : streams.front()) writer->Write(message);
      streams.pop_front();
    }
    return {grpc::StatusCode::UNAVAILABLE, "the stream broke"};
  }

  std::atomic<bool> deleted = false;
  Mutex mutex;
  std::deque<std::vector<v1::WatchStudyResponse>> streams;
  std::vector<int64_t> afters;
};

v1::WatchStudyResponse SnapshotPage(int64_t revision) {
  v1::WatchStudyResponse message;
  message.set_snapshot(true);
  message.set_revision(revision);
  return message;
}

v1::WatchStudyResponse Change(int64_t revision) {
  v1::WatchStudyResponse message;
  message.set_revision(revision);
  return message;
}

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
  EXPECT_THAT(trials_.names, SizeIs(3));
}

TEST_F(StudyClientTest, ARepeatedReportHasTheSameSequence) {
  StudyClient client(address_);
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  trials_.failures = 1;
  ASSERT_TRUE(client.Report(*held, 1, {{"loss", 0.5}}).ok());
  ASSERT_TRUE(client.Report(*held, 2, {{"loss", 0.4}}).ok());
  EXPECT_THAT(trials_.sequences, ElementsAre(1, 1, 2));
}

TEST_F(StudyClientTest, SaysWhenTheTrialShouldStopAndWhy) {
  StudyClient client(address_);
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  for (int step = 1; step <= 3; ++step) {
    EXPECT_FALSE(client.Report(*held, step, {{"loss", 0.5}})->should_stop());
  }
  const auto advice = client.Report(*held, 4, {{"loss", 0.5}});
  EXPECT_TRUE(advice->should_stop());
  EXPECT_EQ(advice->reason(), "worse than the median");
}

TEST_F(StudyClientTest, ThreadsOfOneClientNeverGetTheSameTrial) {
  StudyClient client(address_);
  Mutex mutex;
  std::vector<int64_t> given;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 25; ++j) {
        const auto held = client.Ask(1);
        ASSERT_TRUE(held.ok()) << held.status();
        {
          MutexLock lock(mutex);
          given.push_back(held->trial().id());
        }
        ASSERT_TRUE(client.Complete(*held, {{"loss", 1}}).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::sort(given.begin(), given.end());
  EXPECT_EQ(std::unique(given.begin(), given.end()), given.end());
  EXPECT_THAT(given, SizeIs(200));
}

TEST_F(StudyClientTest, ATrialWhoseEndIsUnsureIsGivenAgain) {
  StudyClient client(address_);
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  ASSERT_TRUE(client.Report(*held, 0, {{"loss", 0.5}}).ok());
  trials_.broken = true;
  EXPECT_TRUE(absl::IsInternal(client.Complete(*held, {{"loss", 1}}).status()));
  trials_.reports_before = 1;
  const auto again = client.Ask(1);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->trial().id(), held->trial().id());
  ASSERT_TRUE(client.Report(*again, 0, {{"loss", 0.4}}).ok());
  EXPECT_THAT(trials_.sequences, ElementsAre(1, 2));
}

TEST_F(StudyClientTest, AProgramThatResumesCountsOnAfterItsEarlierReports) {
  trials_.reports_before = 3;  // All of step 0.
  StudyClient client(address_, {.client_id = "mine"});
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  ASSERT_TRUE(client.Report(*held, 0, {{"loss", 0.5}}).ok());
  EXPECT_THAT(trials_.sequences, ElementsAre(4));
  EXPECT_THAT(trials_.names, ElementsAre("mine"));
}

TEST_F(StudyClientTest, HeldTrialsAreRenewedThreeTimesALease) {
  trials_.lease_seconds = 0.03;  // The server's, not the one asked for.
  StudyClient client(address_);
  const auto one = client.Ask(1), two = client.Ask(1);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_TRUE(trials_.AwaitHeartbeats(one->trial().id(), 3));
  EXPECT_TRUE(trials_.AwaitHeartbeats(two->trial().id(), 3));
}

TEST_F(StudyClientTest, AnEndedTrialIsNotRenewed) {
  trials_.lease_seconds = 0.03;
  StudyClient client(address_);
  const auto ended = client.Ask(1), failed = client.Ask(1);
  ASSERT_TRUE(ended.ok() && failed.ok());
  ASSERT_TRUE(client.Complete(*ended, {{"loss", 1}}).ok());
  ASSERT_TRUE(client.Fail(*failed, "bad luck").ok());
  const auto other = client.Ask(1);
  ASSERT_TRUE(other.ok());
  // One heartbeat may have been on its way.
  ASSERT_TRUE(trials_.AwaitHeartbeats(other->trial().id(), 1));
  int before;
  {
    MutexLock lock(trials_.mutex);
    before = trials_.heartbeats[1] + trials_.heartbeats[2];
  }
  ASSERT_TRUE(trials_.AwaitHeartbeats(other->trial().id(), 5));
  MutexLock lock(trials_.mutex);
  EXPECT_EQ(trials_.heartbeats[1] + trials_.heartbeats[2], before);
}

TEST_F(StudyClientTest, ALostLeaseFailsTheNextReportWithoutANewHold) {
  trials_.lease_seconds = 0.03;
  trials_.lease_lost = true;
  StudyClient client(address_);
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  ASSERT_TRUE(trials_.AwaitHeartbeats(held->trial().id(), 1));
  // Until the heartbeat's answer is here reports still go out.
  absl::Status status;
  for (int step = 1; step < 1'000'000 && status.ok(); ++step) {
    status = client.Report(*held, step, {{"loss", 0.5}}).status();
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::IsFailedPrecondition(
      client.Report(*held, 1, {{"loss", 0.5}}).status()));
}

TEST_F(StudyClientTest, AMistakeInTheFinalValuesCanBeMended) {
  StudyClient client(address_);
  const auto held = client.Ask(1);
  ASSERT_TRUE(held.ok());
  EXPECT_TRUE(absl::IsInvalidArgument(client.Complete(*held, {}).status()));
  ASSERT_TRUE(client.Report(*held, 1, {{"loss", 0.5}}).ok());
  EXPECT_TRUE(client.Complete(*held, {{"loss", 1}}).ok());
}

TEST_F(StudyClientTest, WhenItIsOverItSaysSo) {
  trials_.over = true;
  StudyClient client(address_);
  EXPECT_TRUE(absl::IsOutOfRange(client.Ask(1).status()));
}

TEST_F(StudyClientTest, WhoDoesNotWaitLongIsToldWhyThereIsNothing) {
  trials_.nothing_now = true;
  StudyClient client(address_);
  const absl::Status status = client.Ask(1, absl::ZeroDuration()).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(status.message(), "max_parallel: 4 of 4 running");
}

TEST_F(StudyClientTest, EachClientDrawsItsOwnId) {
  StudyClient one(address_), two(address_);
  EXPECT_NE(one.client_id(), two.client_id());
  EXPECT_EQ(StudyClient(address_, {.client_id = "mine"}).client_id(), "mine");
}

TEST_F(StudyClientTest, ARepeatedEnqueueHasTheSameRequestId) {
  StudyClient client(address_);
  trials_.failures = 1;
  v1::EnqueueRequest request;
  (*request.mutable_parameters())["lr"].set_number_value(0.5);
  const auto trial = client.Enqueue(request);
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(Number(*trial, "lr"), 0.5);
  ASSERT_TRUE(client.Enqueue(request).ok());
  ASSERT_THAT(trials_.request_ids, SizeIs(3));
  EXPECT_EQ(trials_.request_ids[0], trials_.request_ids[1]);
  EXPECT_NE(trials_.request_ids[0], trials_.request_ids[2]);
}

TEST_F(StudyClientTest, WatchGoesOnFromTheLastRevisionAfterABreak) {
  studies_.streams = {
      {SnapshotPage(5), Change(6)}, {Change(7)}, {}, {Change(8)}};
  std::vector<int64_t> revisions;
  StudyClient client(address_);
  const absl::Status status = client.Watch("s", [&](const auto& message) {
    revisions.push_back(message.revision());
    return message.revision() < 8;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(revisions, ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(studies_.afters, ElementsAre(0, 6, 7, 7));
}

TEST_F(StudyClientTest, ASnapshotThatBrokeOffComesAgain) {
  studies_.streams = {{SnapshotPage(5)},
                      {SnapshotPage(6), SnapshotPage(6), Change(7)}};
  StudyClient client(address_);
  EXPECT_TRUE(
      client
          .Watch("s",
                 [](const auto& message) { return message.revision() < 7; })
          .ok());
  EXPECT_THAT(studies_.afters, ElementsAre(0, 0));
}

TEST_F(StudyClientTest, WatchEndsWhenTheStudyIsDeleted) {
  studies_.deleted = true;
  StudyClient client(address_);
  EXPECT_TRUE(
      absl::IsNotFound(client.Watch("s", [](const auto&) { return true; })));
}

TEST_F(StudyClientTest, WatchGivesUpWhenNoServerIsThere) {
  StudyClient client("unix:/nonexistent/assay",
                     {.timeout = absl::Milliseconds(100)});
  const absl::Status status =
      client.Watch("s", [](const auto&) { return true; });
  EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status))
      << status;
}

TEST(StudyClientValuesTest, AnInactiveParameterIsNoNumberAndNoText) {
  v1::Trial trial;
  (*trial.mutable_parameters())["lr"].set_number_value(0.25);
  (*trial.mutable_parameters())["kind"].set_string_value("sgd");
  EXPECT_EQ(Number(trial, "lr"), 0.25);
  EXPECT_TRUE(std::isnan(Number(trial, "momentum")));
  EXPECT_EQ(Text(trial, "kind"), "sgd");
  EXPECT_EQ(Text(trial, "momentum"), "");
}

}  // namespace
}  // namespace assay
