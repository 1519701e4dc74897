#include "search/trial.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1000);
const absl::Time kLater = absl::FromUnixSeconds(1010);

Trial Waiting() {
  Trial trial;
  trial.id = {7};
  return trial;
}

struct Running {
  Trial trial = Waiting();
  Attempt attempt = *Start(trial, kNow);
};

TEST(TrialTest, StartClaimsOnceAndCountsTheAttempt) {
  Trial trial = Waiting();
  trial.last_step = 5;
  const auto attempt = Start(trial, kNow);
  ASSERT_TRUE(attempt.ok());
  EXPECT_EQ(trial.state, TrialState::kRunning);
  EXPECT_EQ(attempt->number, 1);
  EXPECT_EQ(attempt->trial, trial.id);
  EXPECT_EQ(trial.started, kNow);
  EXPECT_EQ(trial.last_step, 0);
  const absl::Status again = Start(trial, kNow).status();
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(again.message(),
            "trial 7 is RUNNING, only a PENDING one can start");
}

TEST(TrialTest, CompleteKeepsTheFinalMetrics) {
  Running run;
  ASSERT_TRUE(Complete(run.trial, run.attempt, {{"loss", 0.5}}, kLater).ok());
  EXPECT_EQ(run.trial.state, TrialState::kCompleted);
  EXPECT_EQ(run.trial.final_metrics.at("loss"), 0.5);
  EXPECT_EQ(run.trial.ended, kLater);
  EXPECT_EQ(run.attempt.outcome, AttemptOutcome::kCompleted);
  EXPECT_EQ(run.attempt.training_seconds, 10);
}

TEST(TrialTest, FenceRefusesAnAttemptThatIsOver) {
  Running run;
  Attempt old = run.attempt;
  ASSERT_TRUE(
      Requeue(run.trial, run.attempt, AttemptOutcome::kLost, "gone", {}, kLater)
          .ok());
  EXPECT_THAT(CheckFence(run.trial, 1).message(),
              HasSubstr("trial 7 is PENDING, attempt 1 is over"));
  ASSERT_TRUE(Start(run.trial, kLater).ok());
  EXPECT_TRUE(CheckFence(run.trial, 2).ok());
  EXPECT_EQ(CheckFence(run.trial, 1).message(),
            "trial 7 is RUNNING, but by attempt 2, not by attempt 1");
  const Trial before = run.trial;
  EXPECT_EQ(Complete(run.trial, old, {}, kLater).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(run.trial.state, before.state);
  EXPECT_EQ(old.outcome, AttemptOutcome::kRunning);
}

TEST(TrialTest, FailedAttemptsAreRetriedUpToTheLimit) {
  Trial trial = Waiting();
  for (int i = 1; i <= 3; ++i) {
    Attempt attempt = *Start(trial, kNow);
    ASSERT_TRUE(
        Fail(trial, attempt, "exit 1", true, {.max_failed = 3}, kLater).ok());
    EXPECT_EQ(attempt.outcome, AttemptOutcome::kFailed);
    EXPECT_EQ(attempt.reason, "exit 1");
    EXPECT_EQ(trial.state, i < 3 ? TrialState::kPending : TrialState::kFailed);
  }
  EXPECT_EQ(trial.reason, "3 attempts failed, the last: exit 1");
  EXPECT_EQ(trial.started, kNow);
}

TEST(TrialTest, FailureThatIsNotToBeRetriedIsFinal) {
  Running run;
  ASSERT_TRUE(Fail(run.trial, run.attempt, "exit 78", false, {}, kLater).ok());
  EXPECT_EQ(run.trial.state, TrialState::kFailed);
  EXPECT_EQ(run.trial.reason, "exit 78");
}

TEST(TrialTest, LostAttemptsAreCountedApartFromPreemptedOnes) {
  Trial trial = Waiting();
  for (int i = 0; i < 20; ++i) {
    Attempt attempt = *Start(trial, kNow);
    ASSERT_TRUE(Requeue(trial, attempt, AttemptOutcome::kPreempted, "drained",
                        {.max_lost = 2}, kLater)
                    .ok());
  }
  EXPECT_EQ(trial.state, TrialState::kPending);
  EXPECT_EQ(trial.lost_attempts, 0);
  for (int i = 0; i < 2; ++i) {
    Attempt attempt = *Start(trial, kNow);
    ASSERT_TRUE(Requeue(trial, attempt, AttemptOutcome::kLost, "lease ran out",
                        {.max_lost = 2}, kLater)
                    .ok());
  }
  EXPECT_EQ(trial.state, TrialState::kFailed);
  EXPECT_EQ(trial.reason, "2 attempts lost, the last: lease ran out");
}

TEST(TrialTest, OnceToldToStopAnyEndIsStopped) {
  using End = absl::Status (*)(Running&);
  const End ends[] = {
      [](Running& r) {
        return Complete(r.trial, r.attempt, {{"loss", 1}}, kLater);
      },
      [](Running& r) {
        return Fail(r.trial, r.attempt, "crash", true, {}, kLater);
      },
      [](Running& r) {
        return Requeue(r.trial, r.attempt, AttemptOutcome::kLost, "gone", {},
                       kLater);
      },
      [](Running& r) {
        return MarkInfeasible(r.trial, r.attempt, "too big", kLater);
      },
      [](Running& r) { return EndStopped(r.trial, r.attempt, "", kLater); },
  };
  for (const End end : ends) {
    Running run;
    run.attempt.stop_reason = "below the median";
    ASSERT_TRUE(end(run).ok());
    EXPECT_EQ(run.trial.state, TrialState::kStopped);
    EXPECT_EQ(run.trial.reason, "below the median");
    EXPECT_EQ(run.attempt.outcome, AttemptOutcome::kStopped);
    EXPECT_EQ(run.trial.failed_attempts, 0);
  }
}

TEST(TrialTest, FinishedTrialNeverChanges) {
  Running run;
  ASSERT_TRUE(MarkInfeasible(run.trial, run.attempt, "NaN", kLater).ok());
  EXPECT_EQ(run.trial.state, TrialState::kInfeasible);
  EXPECT_TRUE(IsFinished(run.trial));
  EXPECT_FALSE(Start(run.trial, kLater).ok());
  EXPECT_FALSE(Complete(run.trial, run.attempt, {}, kLater).ok());
  EXPECT_FALSE(StopPending(run.trial, "x", kLater).ok());
  EXPECT_EQ(run.trial.state, TrialState::kInfeasible);
}

TEST(TrialTest, WaitingTrialCanBeTakenOutOfTheQueue) {
  Trial trial = Waiting();
  ASSERT_TRUE(StopPending(trial, "study stopped", kNow).ok());
  EXPECT_EQ(trial.state, TrialState::kStopped);
  EXPECT_EQ(trial.reason, "study stopped");
  EXPECT_FALSE(trial.started);
}

TEST(TrialTest, TrainingTimeIsNeverNegative) {
  Running run;
  ASSERT_TRUE(
      Complete(run.trial, run.attempt, {}, kNow - absl::Seconds(5)).ok());
  EXPECT_EQ(run.attempt.training_seconds, 0);
}

}  // namespace
}  // namespace assay
