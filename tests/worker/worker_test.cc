#include "worker/worker.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/fake_coordinator.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Case = v1::WorkerMessage;

// A whole worker with real processes, and a coordinator that does what the
// test says.
class WorkerTest : public testing::Test {
 protected:
  WorkerTest() : coordinator_("unix:" + folder_.File("s")) {
    config_.server = "unix:" + folder_.File("s");
    config_.name = "w";
    config_.slots = 2;
    config_.any_command = true;
    config_.state_dir = folder_.File("state");
    config_.grace = absl::Seconds(30);
    coordinator_.on_hello = [](const v1::Hello& hello, v1::Welcome& welcome) {
      for (const auto& held : hello.held()) {
        v1::Verdict& verdict = *welcome.add_verdicts();
        verdict.set_trial_id(held.trial_id());
        verdict.set_attempt(held.attempt());
        verdict.set_go_on(true);
      }
    };
  }
  ~WorkerTest() override { EndWorker(); }

  void StartWorker() { StartWorker({}); }
  void StartWorker(std::vector<GpuDevice> gpus) {
    thread_ = std::thread([this, gpus = std::move(gpus)] {
      Spawner spawner;
      auto worker = Worker::Create(config_, gpus, loop_, spawner);
      ASSERT_TRUE(worker.ok()) << worker.status();
      worker_ = worker->get();
      loop_.Run();
    });
    coordinator_.Next(Case::kHello);
  }
  // True once the worker ended by itself.
  void UntilWorkerEnded() { thread_.join(); }
  void EndWorker() {
    if (!thread_.joinable()) return;
    loop_.Quit();
    thread_.join();
  }
  void Drain() {
    loop_.Post([this] { worker_->Drain(); });
  }

  void AssignProgram(int64_t id, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TEST_PROGRAM);
    coordinator_.Send(Assign(id, 1, arguments));
  }
  v1::Finish NextFinish() { return coordinator_.Next(Case::kFinish).finish(); }
  bool FolderIsEmpty(const std::string& path) const {
    return std::filesystem::is_empty(config_.state_dir + path);
  }

  const TemporaryFolder folder_;
  FakeCoordinator coordinator_;
  WorkerConfig config_;
  EventLoop loop_;
  Worker* worker_ = nullptr;
  std::thread thread_;
};

TEST_F(WorkerTest, RunsACommandToItsEnd) {
  StartWorker();
  AssignProgram(12, {"report", "3"});
  int64_t reports = 0;
  while (reports < 3) {
    const auto batch = coordinator_.Next(Case::kMeasurements).measurements();
    ASSERT_EQ(batch.trial_id(), 12);
    reports += batch.measurements_size();
  }
  const v1::Finish finish = NextFinish();
  EXPECT_EQ(finish.kind(), v1::Finish::COMPLETED);
  coordinator_.Acknowledge(12, 1, 3, 0, /*finished=*/true);
  Drain();
  UntilWorkerEnded();
  EXPECT_TRUE(FolderIsEmpty("/trials"));
  EXPECT_TRUE(FolderIsEmpty("/processes"));
}

TEST_F(WorkerTest, TellsHowATrialFailedAndWhatItSaid) {
  StartWorker();
  AssignProgram(12, {"fail-binary"});
  EXPECT_THAT(coordinator_.Next(Case::kLog).log().data(),
              HasSubstr("no such data"));
  const v1::Finish finish = NextFinish();
  EXPECT_EQ(finish.kind(), v1::Finish::FAILED);
  EXPECT_EQ(finish.reason(), "exit code 3\nno such data \xef\xbf\xbd");
}

TEST_F(WorkerTest, AnUnknownPlaceholderIsFatal) {
  StartWorker();
  AssignProgram(12, {"{momentum}"});
  const v1::Finish finish = NextFinish();
  EXPECT_EQ(finish.kind(), v1::Finish::FATAL);
  EXPECT_THAT(finish.reason(), HasSubstr("no parameter \"momentum\""));
}

TEST_F(WorkerTest, ATrialGoesOnThroughARestartOfTheCoordinator) {
  StartWorker();
  AssignProgram(12, {"until-stopped"});
  coordinator_.Next(Case::kMeasurements);
  coordinator_.Stop();
  coordinator_.Start();
  EXPECT_EQ(coordinator_.Next(Case::kHello).hello().held_size(), 1);
  coordinator_.Send(StopMessage(12, 1, "median rule", false));
  const v1::Finish finish = NextFinish();
  EXPECT_EQ(finish.kind(), v1::Finish::STOPPED);
  EXPECT_EQ(finish.reason(), "median rule");
}

TEST_F(WorkerTest, AnAttemptThatIsNoLongerOursIsKilledAndForgotten) {
  config_.slots = 1;
  StartWorker();
  AssignProgram(12, {"ignore-term"});
  coordinator_.Next(Case::kLog);
  coordinator_.Send(StopMessage(12, 1, "lease expired", true));
  AssignProgram(13, {"report", "1"});  // Its slot is free.
  EXPECT_EQ(NextFinish().trial_id(), 13);
}

TEST_F(WorkerTest, WhatHasNoSlotWaits) {
  config_.slots = 1;
  StartWorker();
  AssignProgram(1, {"until-stopped"});
  AssignProgram(2, {"report", "1"});
  AssignProgram(3, {"report", "1"});
  coordinator_.Next(Case::kMeasurements);
  coordinator_.Send(StopMessage(3, 1, "budget spent", false));
  EXPECT_EQ(NextFinish().trial_id(), 3);
  coordinator_.Send(StopMessage(1, 1, "median rule", false));
  EXPECT_EQ(NextFinish().trial_id(), 1);
  EXPECT_EQ(NextFinish().trial_id(), 2);
}

TEST_F(WorkerTest, EachSlotSeesItsOwnGpu) {
  StartWorker({{.index = 4, .uuid = "", .name = "a"}});
  AssignProgram(1, {"environment"});
  EXPECT_THAT(coordinator_.Next(Case::kLog).log().data(), HasSubstr("="));
  EXPECT_EQ(NextFinish().trial_id(), 1);
  v1::ServerMessage wide = Assign(2, 1, {"true"});
  wide.mutable_assignment()->mutable_template_()->mutable_resources()->set_gpus(
      2);
  coordinator_.Send(wide);
  EXPECT_EQ(NextFinish().kind(), v1::Finish::HANDED_BACK);
}

TEST_F(WorkerTest, TellsTheSlotThatAnAttemptRunsIn) {
  StartWorker();
  AssignProgram(1, {"until-stopped"});
  AssignProgram(2, {"until-stopped"});
  AssignProgram(3, {"report", "1"});  // Waits for a slot.
  coordinator_.Next(Case::kMeasurements);
  coordinator_.Next(Case::kMeasurements);
  coordinator_.Stop();
  coordinator_.Start();
  const v1::Hello hello = coordinator_.Next(Case::kHello).hello();
  std::vector<int32_t> slots;
  for (const auto& held : hello.held()) slots.push_back(held.slot());
  EXPECT_THAT(slots, ElementsAre(1, 2, 0));
  coordinator_.Send(StopMessage(2, 1, "median rule", false));
  EXPECT_EQ(NextFinish().slot(), 2);
  const v1::Finish third = NextFinish();
  EXPECT_EQ(third.trial_id(), 3);
  EXPECT_EQ(third.slot(), 2);
}

TEST_F(WorkerTest, ASlotIsFreeOnlyWhenItsProcessIsGone) {
  config_.slots = 1;
  StartWorker();
  for (int64_t id = 1; id <= 5; ++id) {
    AssignProgram(id, {"ignore-term"});
    coordinator_.Next(Case::kLog);
    coordinator_.Send(StopMessage(id, 1, "lease expired", true));
  }
  AssignProgram(6, {"report", "1"});
  EXPECT_EQ(NextFinish().trial_id(), 6);
}

TEST_F(WorkerTest, DrainFinishesWhatRunsAndTakesNothingNew) {
  StartWorker();
  AssignProgram(1, {"until-stopped"});
  coordinator_.Next(Case::kMeasurements);
  Drain();
  EXPECT_TRUE(coordinator_.Next(Case::kDraining).draining().draining());
  AssignProgram(2, {"report", "1"});
  EXPECT_EQ(NextFinish().kind(), v1::Finish::HANDED_BACK);
  coordinator_.Acknowledge(2, 1, 0, 0, /*finished=*/true);
  coordinator_.Send(StopMessage(1, 1, "median rule", false));
  EXPECT_EQ(NextFinish().kind(), v1::Finish::STOPPED);
  coordinator_.Acknowledge(1, 1, 0, 0, /*finished=*/true);
  UntilWorkerEnded();
}

TEST_F(WorkerTest, DrainHandsBackWhatWaitsForASlot) {
  config_.slots = 1;
  StartWorker();
  AssignProgram(1, {"wait"});
  AssignProgram(2, {"wait"});
  coordinator_.Next(Case::kLog);
  Drain();
  const v1::Finish finish = NextFinish();
  EXPECT_EQ(finish.trial_id(), 2);
  EXPECT_EQ(finish.kind(), v1::Finish::HANDED_BACK);
}

TEST_F(WorkerTest, ASecondSignalHandsBack) {
  StartWorker();
  AssignProgram(1, {"wait"});
  coordinator_.Next(Case::kLog);
  Drain();
  Drain();
  EXPECT_EQ(NextFinish().kind(), v1::Finish::HANDED_BACK);
  coordinator_.Acknowledge(1, 1, 0, 0, /*finished=*/true);
  UntilWorkerEnded();
}

TEST_F(WorkerTest, DrainByHandBackDoesSoAtTheFirstSignal) {
  config_.drain = DrainMode::kHandBack;
  StartWorker();
  AssignProgram(1, {"wait"});
  coordinator_.Next(Case::kLog);
  Drain();
  EXPECT_EQ(NextFinish().kind(), v1::Finish::HANDED_BACK);
  coordinator_.Acknowledge(1, 1, 0, 0, /*finished=*/true);
  UntilWorkerEnded();
}

TEST_F(WorkerTest, TakesAHundredThousandReports) {
  StartWorker();
  AssignProgram(12, {"report", "100000"});
  int64_t last = 0;
  while (last < 100'000) {
    const auto batch = coordinator_.Next(Case::kMeasurements).measurements();
    ASSERT_GT(batch.measurements_size(), 0);
    for (const v1::Measurement& measurement : batch.measurements()) {
      ASSERT_EQ(measurement.sequence(), ++last);
      ASSERT_EQ(measurement.step(), last);
    }
    coordinator_.Acknowledge(12, 1, last, 0);
  }
  EXPECT_EQ(NextFinish().kind(), v1::Finish::COMPLETED);
}

TEST_F(WorkerTest, TheBuiltinTrainerIsStartedAhead) {
  config_.trainer = TEST_PROGRAM;
  StartWorker();
  for (int64_t id : {1, 2}) {
    v1::ServerMessage message = Assign(id, 1, {});
    message.mutable_assignment()->mutable_template_()->mutable_builtin();
    coordinator_.Send(message);
    EXPECT_EQ(NextFinish().kind(), v1::Finish::COMPLETED);
  }
}

}  // namespace
}  // namespace assay
