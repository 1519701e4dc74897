#include "worker/server_link.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/fake_coordinator.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Case = v1::WorkerMessage;

constexpr AttemptKey kKey = {12, 1};

v1::Measurement Step(int64_t step) {
  v1::Measurement measurement;
  measurement.set_step(step);
  (*measurement.mutable_metrics())["loss"] = 0.5;
  return measurement;
}

class ServerLinkTest : public testing::Test {
 protected:
  ServerLinkTest() : coordinator_("unix:" + folder_.File("s")) {}

  void Connect() { Connect(Options()); }
  void Connect(ServerLink::Options options) {
    link_ = std::make_unique<ServerLink>(
        std::move(options),
        LinkEvents{
            .assigned =
                [this](AttemptKey key, v1::WorkerAssignment) {
                  Happened("assigned", key);
                },
            .stop =
                [this](AttemptKey key, std::string reason) {
                  Happened("stop " + reason, key);
                },
            .lost =
                [this](AttemptKey key, std::string reason) {
                  Happened("lost " + reason, key);
                },
            .recorded = [this](AttemptKey key) { Happened("recorded", key); },
            .relieved = [this](AttemptKey key) { Happened("relieved", key); },
            .drain =
                [this](bool on) { Happened(on ? "drain" : "undrain", {}); },
            .self_stop = [this] { Happened("self-stop", {}); }});
  }
  ServerLink::Options Options() {
    ServerLink::Options options;
    options.server = "unix:" + folder_.File("s");
    options.hello.set_name("w");
    options.hello.set_instance("i");
    options.hello.set_slots(1);
    options.first_retry = absl::Milliseconds(1);
    options.last_retry = absl::Milliseconds(20);
    return options;
  }
  void ConnectWithAttempt() {
    Connect();
    coordinator_.Next(Case::kHello);
    coordinator_.Send(Assign(12, 1, {"x"}));
    ASSERT_TRUE(Until("assigned"));
  }

  void Happened(const std::string& what, AttemptKey) {
    {
      MutexLock lock(mutex_);
      events_.push_back(what);
    }
    changed_.NotifyAll();
  }
  // Takes the events up to this one.
  bool Until(const std::string& what) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::minutes(1);
    MutexLock lock(mutex_);
    for (;;) {
      while (!events_.empty()) {
        const bool found = events_.front() == what;
        events_.pop_front();
        if (found) return true;
      }
      if (!changed_.WaitUntil(mutex_, deadline) && events_.empty()) {
        return false;
      }
    }
  }

  const TemporaryFolder folder_;
  FakeCoordinator coordinator_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::string> events_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ServerLink> link_;
};

TEST_F(ServerLinkTest, SaysHelloFirst) {
  Connect();
  const v1::Hello hello = coordinator_.Next(Case::kHello).hello();
  EXPECT_EQ(hello.name(), "w");
  EXPECT_EQ(hello.slots(), 1);
  EXPECT_THAT(hello.held(), IsEmpty());
}

TEST_F(ServerLinkTest, SendsMeasurementsOutputAndFinishUntilAcknowledged) {
  ConnectWithAttempt();
  EXPECT_TRUE(link_->AddMeasurement(kKey, Step(1)));
  link_->AddOutput(kKey, "hello");
  link_->AddFinish(kKey, v1::Finish());
  EXPECT_EQ(coordinator_.Next(Case::kMeasurements)
                .measurements()
                .measurements(0)
                .sequence(),
            1);
  EXPECT_EQ(coordinator_.Next(Case::kLog).log().data(), "hello");
  EXPECT_EQ(coordinator_.Next(Case::kFinish).finish().trial_id(), 12);
  EXPECT_FALSE(link_->Idle());
  coordinator_.Acknowledge(12, 1, 1, 5, /*finished=*/true);
  EXPECT_TRUE(Until("recorded"));
  EXPECT_TRUE(link_->Idle());
}

TEST_F(ServerLinkTest, AfterABreakSaysWhatItHoldsAndSendsTheRestAgain) {
  ConnectWithAttempt();
  coordinator_.on_hello = [](const v1::Hello& hello, v1::Welcome& welcome) {
    for (const auto& held : hello.held()) {
      v1::Verdict& verdict = *welcome.add_verdicts();
      verdict.set_trial_id(held.trial_id());
      verdict.set_attempt(held.attempt());
      verdict.set_go_on(true);
    }
  };
  link_->AddMeasurement(kKey, Step(1));
  coordinator_.Next(Case::kMeasurements);
  coordinator_.Break();
  const v1::Hello hello = coordinator_.Next(Case::kHello).hello();
  ASSERT_THAT(hello.held(), SizeIs(1));
  EXPECT_EQ(hello.held(0).trial_id(), 12);
  const auto again = coordinator_.Next(Case::kMeasurements).measurements();
  EXPECT_EQ(again.measurements(0).sequence(), 1);
  EXPECT_EQ(again.measurements(0).step(), 1);
  const LinkState state = link_->state();
  EXPECT_TRUE(state.connected);
  EXPECT_EQ(state.streams, 2);
  EXPECT_GT(state.spool_bytes, 0);
}

TEST_F(ServerLinkTest, WaitsForACoordinatorThatIsAway) {
  ConnectWithAttempt();
  coordinator_.Stop();
  for (int64_t step = 1; step <= 10; ++step) {
    EXPECT_TRUE(link_->AddMeasurement(kKey, Step(step)));
  }
  link_->AddFinish(kKey, v1::Finish());
  coordinator_.Start();
  coordinator_.Next(Case::kHello);
  EXPECT_THAT(
      coordinator_.Next(Case::kMeasurements).measurements().measurements(),
      SizeIs(10));
  EXPECT_TRUE(coordinator_.Next(Case::kFinish).has_finish());
}

TEST_F(ServerLinkTest, AVerdictToKillIsToldAndForgotten) {
  ConnectWithAttempt();
  coordinator_.on_hello = [](const v1::Hello& hello, v1::Welcome& welcome) {
    for (const auto& held : hello.held()) {
      v1::Verdict& verdict = *welcome.add_verdicts();
      verdict.set_trial_id(held.trial_id());
      verdict.set_attempt(held.attempt());
      verdict.set_reason("lease expired");
    }
  };
  coordinator_.Break();
  EXPECT_TRUE(Until("lost lease expired"));
  link_->AddFinish(kKey, v1::Finish());
  EXPECT_TRUE(link_->Idle());
}

TEST_F(ServerLinkTest, AVerdictMayGiveAnotherNumber) {
  ConnectWithAttempt();
  link_->AddMeasurement(kKey, Step(1));
  coordinator_.Next(Case::kMeasurements);
  coordinator_.on_hello = [](const v1::Hello&, v1::Welcome& welcome) {
    v1::Verdict& verdict = *welcome.add_verdicts();
    verdict.set_trial_id(12);
    verdict.set_attempt(1);
    verdict.set_go_on(true);
    verdict.set_new_attempt(2);
  };
  coordinator_.Break();
  EXPECT_EQ(coordinator_.Next(Case::kMeasurements).measurements().attempt(), 2);
  link_->AddFinish(kKey, v1::Finish());
  EXPECT_EQ(coordinator_.Next(Case::kFinish).finish().attempt(), 2);
  coordinator_.Acknowledge(12, 2, 1, 0, /*finished=*/true);
  EXPECT_TRUE(Until("recorded"));
}

TEST_F(ServerLinkTest, StopsAndKillsByNumber) {
  ConnectWithAttempt();
  coordinator_.Send(StopMessage(12, 9, "another", false));
  coordinator_.Send(StopMessage(12, 1, "median", false));
  EXPECT_TRUE(Until("stop median"));
  coordinator_.Send(StopMessage(12, 1, "no longer yours", true));
  EXPECT_TRUE(Until("lost no longer yours"));
  EXPECT_TRUE(link_->Idle());
}

TEST_F(ServerLinkTest, AnAssignmentSentAgainIsNotStartedAgain) {
  ConnectWithAttempt();
  coordinator_.Send(Assign(12, 1, {"x"}));
  coordinator_.Send(StopMessage(12, 1, "end of test", false));
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::minutes(1);
  MutexLock lock(mutex_);
  while (events_.empty() && changed_.WaitUntil(mutex_, deadline)) {
  }
  EXPECT_THAT(events_, ElementsAre("stop end of test"));
}

TEST_F(ServerLinkTest, HeartbeatsNameWhatItHoldsAtTheIntervalOfWelcome) {
  coordinator_.welcome.set_heartbeat_seconds(0.01);
  ConnectWithAttempt();
  v1::WorkerMessage heartbeat;
  do {
    heartbeat = coordinator_.Next(Case::kHeartbeat);
    ASSERT_TRUE(heartbeat.has_heartbeat());
  } while (heartbeat.heartbeat().held().empty());
  EXPECT_EQ(heartbeat.heartbeat().held(0).trial_id(), 12);
}

TEST_F(ServerLinkTest, OutputOfAMegabyteASecondDelaysNoMeasurement) {
  ConnectWithAttempt();
  for (int i = 0; i < 100; ++i) {
    link_->AddOutput(kKey, std::string(32 << 10, 'x'));
  }
  link_->AddMeasurement(kKey, Step(1));
  coordinator_.Next(Case::kMeasurements);
  // The output had to wait for its rate.
  const auto kinds = coordinator_.Kinds();
  EXPECT_LE(std::count(kinds.begin(), kinds.end(), Case::kLog), 4);
}

TEST_F(ServerLinkTest, PressesBackWhileTheCoordinatorDoesNotAcknowledge) {
  ConnectWithAttempt();
  int64_t step = 0;
  while (link_->AddMeasurement(kKey, Step(++step))) {
    ASSERT_LT(step, 1'000'000);
  }
  int64_t received = 0;
  while (received < step) {
    const auto batch = coordinator_.Next(Case::kMeasurements).measurements();
    ASSERT_GT(batch.measurements_size(), 0);
    received += batch.measurements_size();
    coordinator_.Acknowledge(12, 1, received, 0);
  }
  EXPECT_TRUE(Until("relieved"));
}

TEST_F(ServerLinkTest, TellsThatItDrains) {
  ConnectWithAttempt();
  link_->SetDraining(true);
  EXPECT_TRUE(coordinator_.Next(Case::kDraining).draining().draining());
  coordinator_.Break();
  EXPECT_TRUE(coordinator_.Next(Case::kHello).hello().draining());
  v1::ServerMessage drain;
  drain.mutable_drain()->set_draining(true);
  coordinator_.Send(drain);
  EXPECT_TRUE(Until("drain"));
}

TEST_F(ServerLinkTest, StopsItselfAfterTooLongWithoutACoordinator) {
  coordinator_.Stop();
  ServerLink::Options options = Options();
  options.self_stop = absl::Milliseconds(20);
  Connect(options);
  EXPECT_TRUE(Until("self-stop"));
}

TEST_F(ServerLinkTest, EndsWithoutACoordinator) {
  coordinator_.Stop();
  Connect();
  link_.reset();
}

}  // namespace
}  // namespace assay
