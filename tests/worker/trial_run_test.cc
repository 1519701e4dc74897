#include "worker/trial_run.h"

#include "gmock/gmock.h"
#include "tests/worker/trial_bench.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;
using Kind = AttemptEnd::Kind;

class TrialRunTest : public TrialBench {
 protected:
  TrialPlan Plan(std::vector<std::string> arguments) {
    TrialPlan plan;
    plan.key = {12, 1};
    plan.scratch = state_->ScratchOf(plan.key);
    plan.socket = folder_.File("socket");
    plan.trial_file = "{\"seed\": 1}\n";
    plan.command = Program(std::move(arguments));
    plan.command.directory = plan.scratch;
    plan.command.environment.push_back("ASSAY_SOCKET=" + plan.socket);
    plan.objectives = {"loss"};
    return plan;
  }

  void Run(TrialPlan plan) {
    run_ = std::make_unique<TrialRun>(
        TrialRun::Services{.loop = loop_,
                           .spawner = spawner_,
                           .state = *state_,
                           .scratch_folders = scratch_folders_,
                           .standby = standby_},
        std::move(plan),
        TrialRun::Events{
            .measurement =
                [this](Measurement m) { measurements_.push_back(m); },
            .output =
                [this](absl::string_view bytes) {
                  output_ += std::string(bytes);
                },
            .ended =
                [this](AttemptEnd end, std::vector<TrialAttribute> a) {
                  attributes_ = std::move(a);
                  ended_ = std::move(end);
                  run_.reset();
                },
        });
    run_->Start();
  }

  AttemptEnd Ended() {
    EXPECT_TRUE(Until([&] { return ended_.has_value(); }));
    return ended_.value_or(AttemptEnd());
  }
  AttemptEnd RunToEnd(TrialPlan plan) {
    Run(std::move(plan));
    return Ended();
  }

  std::vector<Measurement> measurements_;
  std::vector<TrialAttribute> attributes_;
  std::optional<AttemptEnd> ended_;
  std::unique_ptr<TrialRun> run_;
};

TEST_F(TrialRunTest, AProgramThatReportsItsObjectiveIsCompleted) {
  EXPECT_EQ(RunToEnd(Plan({"report", "3"})).kind, Kind::kCompleted);
  ASSERT_THAT(measurements_, SizeIs(3));
  EXPECT_EQ(measurements_[2].step, 3);
  EXPECT_GT(measurements_[2].elapsed_seconds, 0);
}

TEST_F(TrialRunTest, NoneOfAHundredThousandReportsIsLost) {
  EXPECT_EQ(RunToEnd(Plan({"report", "100000"})).kind, Kind::kCompleted);
  ASSERT_THAT(measurements_, SizeIs(100'000));
  EXPECT_EQ(measurements_.back().step, 100'000);
}

TEST_F(TrialRunTest, AProgramThatSaysNothingIsFailed) {
  const AttemptEnd end = RunToEnd(Plan({"exit", "0"}));
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_EQ(end.reason, "exit code 0 without reporting \"loss\"");
}

TEST_F(TrialRunTest, ACrashIsFailedWithItsSignal) {
  const AttemptEnd end = RunToEnd(Plan({"signal", "11"}));
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, StartsWith("signal 11 (Segmentation fault)"));
}

TEST_F(TrialRunTest, TheReasonHoldsTheEndOfStderr) {
  EXPECT_EQ(RunToEnd(Plan({"fail", "no such data"})).reason,
            "exit code 3\nno such data");
}

TEST_F(TrialRunTest, ExitCode78IsFatal) {
  EXPECT_EQ(RunToEnd(Plan({"exit", "78"})).kind, Kind::kFatal);
}

TEST_F(TrialRunTest, WhatItDeclaresCounts) {
  const AttemptEnd end = RunToEnd(Plan({"declare", "COMPLETED"}));
  EXPECT_EQ(end.kind, Kind::kCompleted);
  EXPECT_EQ(end.metrics, (Metrics{{"loss", 0.5}}));
  ended_.reset();
  EXPECT_EQ(RunToEnd(Plan({"declare", "INFEASIBLE"})).reason, "so it is");
}

TEST_F(TrialRunTest, AProgramThatIsNotThereIsFatal) {
  TrialPlan plan = Plan({});
  plan.command.argv = {"no-such-program"};
  const AttemptEnd end = RunToEnd(plan);
  EXPECT_EQ(end.kind, Kind::kFatal);
  EXPECT_THAT(end.reason, HasSubstr("no-such-program"));
}

TEST_F(TrialRunTest, RunsInItsScratchFolderWithItsTrialFile) {
  TrialPlan plan = Plan({"directory"});
  const std::string scratch = plan.scratch;
  RunToEnd(plan);
  EXPECT_EQ(output_, scratch + "\n");
  EXPECT_EQ(ReadFile(TrialFileIn(scratch)), "{\"seed\": 1}\n");
  EXPECT_EQ(ReadFile(state_->OutputOf({12, 1}) + ".log"), scratch + "\n");
}

TEST_F(TrialRunTest, StopAsksOverTheSocketFirst) {
  Run(Plan({"until-stopped"}));
  ASSERT_TRUE(Until([&] { return measurements_.size() > 3; }));
  run_->Stop("median rule");
  const AttemptEnd end = Ended();
  EXPECT_EQ(end.kind, Kind::kStopped);
  EXPECT_EQ(end.reason, "median rule");
  EXPECT_EQ(output_, "told {\"stop\":\"median rule\"}\n");
}

TEST_F(TrialRunTest, StopEndsAProgramThatNeitherReadsNorTakesSigterm) {
  TrialPlan plan = Plan({"ignore-term"});
  plan.grace = absl::Milliseconds(20);
  Run(plan);
  ASSERT_TRUE(UntilSaid("ready"));
  run_->Stop("median rule");
  EXPECT_EQ(Ended().kind, Kind::kStopped);
}

TEST_F(TrialRunTest, StopBeforeTheProcessRunsIsNotForgotten) {
  TrialPlan plan = Plan({"wait"});
  plan.grace = absl::ZeroDuration();
  Run(plan);
  run_->Stop("median rule");
  EXPECT_EQ(Ended().kind, Kind::kStopped);
}

TEST_F(TrialRunTest, TheTimeLimitIsFatalEvenIfSigtermIsIgnored) {
  TrialPlan plan = Plan({"ignore-term"});
  plan.max_time = absl::Milliseconds(200);
  plan.grace = absl::Milliseconds(20);
  const AttemptEnd end = RunToEnd(plan);
  EXPECT_EQ(end.kind, Kind::kFatal);
  EXPECT_EQ(end.reason, "wall-time limit of 0.2 s");
}

TEST_F(TrialRunTest, AFullScratchFolderKillsTheTrial) {
  TrialPlan plan = Plan({"fill", "3000000"});
  plan.scratch_limit = 1'000'000;
  plan.scratch_check = absl::Milliseconds(10);
  const AttemptEnd end = RunToEnd(plan);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("the limit is 1000000"));
}

TEST_F(TrialRunTest, TheScratchFolderIsCheckedAtTheEndToo) {
  TrialPlan plan = Plan({"report", "1"});
  plan.scratch_limit = 1;
  EXPECT_EQ(RunToEnd(plan).kind, Kind::kFailed);
}

TEST_F(TrialRunTest, HandBackEndsItAtOnce) {
  Run(Plan({"wait"}));
  ASSERT_TRUE(UntilSaid("ready"));
  run_->HandBack();
  EXPECT_EQ(Ended().kind, Kind::kHandedBack);
}

TEST_F(TrialRunTest, AGrandchildThatOutlivesItDelaysNothingMuch) {
  TrialPlan plan = Plan({"grandchild"});
  plan.objectives.clear();
  EXPECT_EQ(RunToEnd(plan).kind, Kind::kCompleted);
}

TEST_F(TrialRunTest, AFloodOfOutputDelaysNoReport) {
  Run(Plan({"flood", std::to_string(50 << 20)}));
  EXPECT_EQ(Ended().kind, Kind::kFailed);
  EXPECT_EQ(output_.size(), 50U << 20);
  const std::string path = state_->OutputOf({12, 1});
  EXPECT_EQ(std::filesystem::file_size(path + ".log"), 1U << 20);
  EXPECT_EQ(std::filesystem::file_size(path + ".tail.1"), 4U << 20);
}

TEST_F(TrialRunTest, ATrainerThatWaitsGetsItsOrder) {
  standby_.Prepare("0");
  TrialPlan plan = Plan({});
  plan.command = Program({"--standby"});
  plan.in_standby = true;
  plan.devices = "0";
  const std::string scratch = plan.scratch;
  EXPECT_EQ(RunToEnd(plan).kind, Kind::kCompleted);
  EXPECT_THAT(output_, HasSubstr("\"directory\":\"" + scratch + "\""));
  EXPECT_THAT(output_, HasSubstr(TrialFileIn(scratch)));
}

TEST_F(TrialRunTest, WithoutATrainerThatWaitsOneIsStarted) {
  TrialPlan plan = Plan({});
  plan.command = Program({"--standby"});
  plan.in_standby = true;
  EXPECT_EQ(RunToEnd(plan).kind, Kind::kCompleted);
}

TEST_F(TrialRunTest, DestructionKillsAndTellsNothing) {
  Run(Plan({"wait"}));
  ASSERT_TRUE(UntilSaid("ready"));
  run_.reset();
  EXPECT_FALSE(ended_.has_value());
  EXPECT_TRUE(std::filesystem::is_empty(state_->path() + "/processes"));
}

}  // namespace
}  // namespace assay
