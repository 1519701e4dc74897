#include "server/trial_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "search/base/status_macros.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using absl::StatusCode;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class TrialRecorderTest : public CoreTest {
 protected:
  void Expire(Token token) {
    ASSERT_EQ(core_->TrialOf(token.trial).state, TrialState::kRunning);
    core_->Advance(absl::Minutes(10));
    core_->dispatcher.ExpireLeases();
    core_->Settle();
  }

  Token Lease() { return TokenOf(core_->Lease(study_, "c1")); }

  std::vector<Measurement> Curve(Token token) {
    std::vector<Measurement> curve;
    const absl::Status status =
        rows_->Read([&](Snapshot& rows) -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(
              curve, rows.ListMeasurements(token.trial, token.attempt, 0, 100));
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return curve;
  }

  static Measurement Loss(int64_t sequence, int64_t step, double loss) {
    return {.sequence = sequence, .step = step, .metrics = {{"loss", loss}}};
  }

  StudyId study_ = core_->Create(GridSpec("a", 100));
};

// --- Ends: what is tried again, and how often -------------------------------

TEST_F(TrialRecorderTest, CompletedKeepsItsMetrics) {
  const Token token = Lease();
  const auto trial = core_->Finish(
      {.token = token, .metrics = {{"loss", 0.25}, {"extra", 3}}});
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->state, TrialState::kCompleted);
  EXPECT_EQ(trial->final_metrics.at("loss"), 0.25);
  EXPECT_EQ(trial->final_metrics.at("extra"), 3);
  EXPECT_EQ(core_->AttemptOf(token).outcome, AttemptOutcome::kCompleted);
  EXPECT_EQ(core_->leases.RunningOf(study_), 0);
}

TEST_F(TrialRecorderTest, FailedIsTriedAgainUpToMaxAttempts) {
  Token token = Lease();
  for (int attempt = 1; attempt < 3; ++attempt) {
    ASSERT_EQ(core_->Fail(token)->state, TrialState::kPending);
    token = Lease();
    EXPECT_EQ(token.attempt, attempt + 1);
  }
  const auto trial = core_->Fail(token, "out of memory");
  EXPECT_EQ(trial->state, TrialState::kFailed);
  EXPECT_EQ(trial->failed_attempts, 3);
  EXPECT_THAT(trial->reason, HasSubstr("out of memory"));
}

TEST_F(TrialRecorderTest, LostIsTriedAgainUpToMaxLost) {
  Token token = Lease();
  for (int lost = 1; lost < 5; ++lost) {
    Expire(token);
    ASSERT_EQ(core_->TrialOf(token.trial).state, TrialState::kPending);
    EXPECT_EQ(core_->AttemptOf(token).outcome, AttemptOutcome::kLost);
    token = Lease();
    EXPECT_EQ(token.attempt, lost + 1);
  }
  Expire(token);
  const Trial trial = core_->TrialOf(token.trial);
  EXPECT_EQ(trial.state, TrialState::kFailed);
  EXPECT_EQ(trial.lost_attempts, 5);
  EXPECT_THAT(trial.reason, HasSubstr("client \"c1\" ran out"));
}

TEST_F(TrialRecorderTest, FailedAndLostAreCountedApart) {
  Token token = Lease();
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(core_->Fail(token)->state, TrialState::kPending);
    token = Lease();
    Expire(token);
    ASSERT_EQ(core_->TrialOf(token.trial).state, TrialState::kPending);
    token = Lease();
  }
  const Trial trial = core_->TrialOf(token.trial);
  EXPECT_EQ(trial.failed_attempts, 2);
  EXPECT_EQ(trial.lost_attempts, 2);
  EXPECT_EQ(trial.state, TrialState::kRunning);
}

TEST_F(TrialRecorderTest, HandedBackCountsNowhere) {
  Token token = Lease();
  for (int i = 0; i < 10; ++i) {
    const auto trial = core_->Finish(
        {.token = token, .end = End::kHandedBack, .reason = "drain"});
    ASSERT_TRUE(trial.ok()) << trial.status();
    ASSERT_EQ(trial->state, TrialState::kPending);
    EXPECT_EQ(core_->AttemptOf(token).outcome, AttemptOutcome::kPreempted);
    token = Lease();
  }
  const Trial trial = core_->TrialOf(token.trial);
  EXPECT_EQ(trial.failed_attempts, 0);
  EXPECT_EQ(trial.lost_attempts, 0);
  EXPECT_EQ(trial.attempts, 11);
}

TEST_F(TrialRecorderTest, InfeasibleIsNotTriedAgain) {
  const auto trial = core_->Finish(
      {.token = Lease(), .end = End::kInfeasible, .reason = "too wide"});
  EXPECT_EQ(trial->state, TrialState::kInfeasible);
  EXPECT_EQ(trial->reason, "too wide");
}

TEST_F(TrialRecorderTest, FatalIsNotTriedAgain) {
  const auto trial = core_->Finish(
      {.token = Lease(), .end = End::kFatal, .reason = "exit code 78"});
  EXPECT_EQ(trial->state, TrialState::kFailed);
  EXPECT_EQ(trial->attempts, 1);
}

TEST_F(TrialRecorderTest, NanAsFinalObjectiveIsFailedAndNotTriedAgain) {
  const auto trial = core_->Complete(Lease(), kNan);
  EXPECT_EQ(trial->state, TrialState::kFailed);
  EXPECT_THAT(trial->reason, HasSubstr("\"loss\" is NaN"));
  EXPECT_TRUE(std::isnan(trial->final_metrics.at("loss")));
}

TEST_F(TrialRecorderTest, NanAsLastMeasurementIsFailedToo) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 1, 0.5)).ok());
  ASSERT_TRUE(core_->Report(token, Loss(2, 2, kNan)).ok());
  EXPECT_EQ(core_->Finish({.token = token})->state, TrialState::kFailed);
}

TEST_F(TrialRecorderTest, InfinityIsAValue) {
  const auto trial = core_->Complete(Lease(), kInfinity);
  EXPECT_EQ(trial->state, TrialState::kCompleted);
  EXPECT_EQ(trial->final_metrics.at("loss"), kInfinity);
}

TEST_F(TrialRecorderTest, AMissingObjectiveMayBeCorrectedByAClient) {
  const Token token = Lease();
  EXPECT_THAT(core_->Finish({.token = token, .metrics = {{"other", 1}}}),
              Fails(StatusCode::kInvalidArgument, "\"loss\""));
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kRunning);
  EXPECT_EQ(core_->Complete(token, 1)->state, TrialState::kCompleted);
}

TEST_F(TrialRecorderTest, AMissingObjectiveOfAWorkerIsAFailedAttempt) {
  const Token token = Lease();
  const auto trial = core_->Finish({.token = token, .may_correct = false});
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->state, TrialState::kPending);
  EXPECT_EQ(trial->failed_attempts, 1);
  EXPECT_THAT(core_->AttemptOf(token).reason,
              HasSubstr("\"loss\" has no value"));
}

TEST_F(TrialRecorderTest, TheValueIsTheLastMeasurementsUnlessGiven) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 1, 0.5)).ok());
  ASSERT_TRUE(core_->Report(token, Loss(2, 2, 0.75)).ok());
  EXPECT_EQ(core_->Finish({.token = token})->final_metrics.at("loss"), 0.75);
  const Token other = Lease();
  ASSERT_TRUE(core_->Report(other, Loss(1, 1, 0.5)).ok());
  EXPECT_EQ(core_->Complete(other, 0.1)->final_metrics.at("loss"), 0.1);
}

TEST_F(TrialRecorderTest, TheValueIsTheBestMeasurementsIfTheMetricSaysSo) {
  StudySpec spec = GridSpec("best", 3);
  spec.metrics[0].select = Select::kBest;
  const Token token = TokenOf(core_->Lease(core_->Create(spec), "c"));
  for (int step = 1; step <= 3; ++step) {
    ASSERT_TRUE(
        core_->Report(token, Loss(step, step, std::abs(step - 2))).ok());
  }
  EXPECT_EQ(core_->Finish({.token = token})->final_metrics.at("loss"), 0);
}

TEST_F(TrialRecorderTest, AnAttemptTakesNoValueFromAnEarlierOne) {
  const Token first = Lease();
  ASSERT_TRUE(core_->Report(first, Loss(1, 1, 0.5)).ok());
  ASSERT_TRUE(core_->Fail(first).ok());
  EXPECT_THAT(core_->Finish({.token = Lease()}),
              HasCode(StatusCode::kInvalidArgument));
}

TEST_F(TrialRecorderTest, AttributesComeWithTheEnd) {
  const Token token = Lease();
  ASSERT_TRUE(core_
                  ->Finish({.token = token,
                            .metrics = {{"loss", 1}},
                            .attributes = {{"user", "confusion", "[[1]]"}}})
                  .ok());
  std::vector<Attribute> attributes;
  ASSERT_TRUE(rows_
                  ->Read([&](Snapshot& rows) -> absl::Status {
                    ASSAY_ASSIGN_OR_RETURN(
                        attributes, rows.ListAttributes(study_, token.trial));
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_THAT(attributes, SizeIs(1));
  EXPECT_EQ(attributes[0].value, "[[1]]");
}

// --- A recorded stop --------------------------------------------------------

class RecordedStopTest : public TrialRecorderTest,
                         public testing::WithParamInterface<End> {};

TEST_P(RecordedStopTest, MakesAnyEndStoppedWithTheLastMeasurement) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 5, 0.5)).ok());
  ASSERT_TRUE(core_->StopTrial(token.trial, "no hope").ok());
  const auto trial = core_->Finish({.token = token, .end = GetParam()});
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->state, TrialState::kStopped);
  EXPECT_EQ(trial->reason, "no hope");
  EXPECT_EQ(trial->last_step, 5);
  ASSERT_TRUE(trial->final_metrics.contains("loss"));
  EXPECT_EQ(trial->final_metrics.at("loss"), 0.5);
  EXPECT_EQ(core_->AttemptOf(token).outcome, AttemptOutcome::kStopped);
}

INSTANTIATE_TEST_SUITE_P(Ends, RecordedStopTest,
                         testing::Values(End::kCompleted, End::kStopped,
                                         End::kFailed, End::kFatal,
                                         End::kInfeasible, End::kHandedBack));

TEST_F(TrialRecorderTest, ARecordedStopMakesALostLeaseStoppedWithItsValue) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 5, 0.5)).ok());
  ASSERT_TRUE(core_->StopTrial(token.trial, "no hope").ok());
  Expire(token);
  const Trial trial = core_->TrialOf(token.trial);
  EXPECT_EQ(trial.state, TrialState::kStopped);
  ASSERT_TRUE(trial.final_metrics.contains("loss"));
  EXPECT_EQ(trial.final_metrics.at("loss"), 0.5);
}

TEST_F(TrialRecorderTest, ARecordedStopWithoutAnyValueIsStoppedToo) {
  const Token token = Lease();
  ASSERT_TRUE(core_->StopTrial(token.trial, "no hope").ok());
  EXPECT_EQ(core_->Finish({.token = token})->state, TrialState::kStopped);
}

TEST_F(TrialRecorderTest, ARecordedStopWithNanIsStoppedToo) {
  const Token token = Lease();
  ASSERT_TRUE(core_->StopTrial(token.trial, "no hope").ok());
  EXPECT_EQ(core_->Complete(token, kNan)->state, TrialState::kStopped);
}

TEST_F(TrialRecorderTest, AFinishThatWasCommittedFirstStaysCompleted) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  EXPECT_THAT(core_->StopTrial(token.trial),
              Fails(StatusCode::kFailedPrecondition, "COMPLETED"));
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kCompleted);
}

TEST_F(TrialRecorderTest, AClientMayStopByItsOwnDecision) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 5, 0.5)).ok());
  const auto trial = core_->Finish(
      {.token = token, .end = End::kStopped, .reason = "converged"});
  EXPECT_EQ(trial->state, TrialState::kStopped);
  EXPECT_EQ(trial->reason, "converged");
  EXPECT_EQ(trial->final_metrics.at("loss"), 0.5);
}

// --- Natural keys -----------------------------------------------------------

TEST_F(TrialRecorderTest, TheSameMeasurementAgainIsOkAndChangesNothing) {
  const Token token = Lease();
  Measurement measurement = Loss(1, 3, 0.5);
  measurement.gradients = {{"loss", {{"x", 0.1}}}};
  measurement.gradient_deviations = {{"loss", {{"x", 0.02}}}};
  measurement.instance = 2;
  ASSERT_TRUE(core_->Report(token, measurement).ok());
  const int64_t revision = core_->StudyOf(study_).revision;
  EXPECT_TRUE(core_->Report(token, measurement).ok());
  EXPECT_EQ(core_->StudyOf(study_).revision, revision);
  EXPECT_EQ(core_->StudyOf(study_).counts.measurements, 1);
  EXPECT_THAT(Curve(token), SizeIs(1));
}

TEST_F(TrialRecorderTest, TheSameNanAgainIsTheSame) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 3, kNan)).ok());
  EXPECT_TRUE(core_->Report(token, Loss(1, 3, kNan)).ok());
  EXPECT_THAT(Curve(token), SizeIs(1));
}

TEST_F(TrialRecorderTest, AMeasurementWithOtherContentIsRefused) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 3, 0.5)).ok());
  Measurement other = Loss(1, 3, 0.5);
  other.elapsed_seconds = 1;
  for (const Measurement& measurement :
       {Loss(1, 4, 0.5), Loss(1, 3, 0.6), other}) {
    EXPECT_THAT(core_->Report(token, measurement),
                Fails(StatusCode::kFailedPrecondition, "sequence 1"));
  }
  EXPECT_EQ(Curve(token)[0].metrics.at("loss"), 0.5);
}

TEST_F(TrialRecorderTest, SequenceZeroIsTheNextOne) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(0, 1, 0.5)).ok());
  ASSERT_TRUE(core_->Report(token, Loss(0, 1, 0.5)).ok());
  const std::vector<Measurement> curve = Curve(token);
  ASSERT_THAT(curve, SizeIs(2));  // The same step twice: both are kept.
  EXPECT_EQ(curve[1].sequence, 2);
}

TEST_F(TrialRecorderTest, LowerStepsAreTaken) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 5, 0.5)).ok());
  ASSERT_TRUE(core_->Report(token, Loss(2, 3, 0.4)).ok());
  EXPECT_THAT(Curve(token), SizeIs(2));
  EXPECT_EQ(core_->TrialOf(token.trial).last_step, 5);
}

TEST_F(TrialRecorderTest, AMeasurementKnownBeforeTheEndIsOkAfterIt) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Report(token, Loss(1, 3, 0.5)).ok());
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  EXPECT_TRUE(core_->Report(token, Loss(1, 3, 0.5)).ok());
  EXPECT_THAT(core_->Report(token, Loss(2, 4, 0.5)),
              Fails(StatusCode::kFailedPrecondition, "COMPLETED"));
}

TEST_F(TrialRecorderTest, TheSameFinishAgainIsOkAndChangesNothing) {
  const Token token = Lease();
  const auto first = core_->Complete(token, 0.1 + 0.2);
  const int64_t revision = core_->StudyOf(study_).revision;
  const auto again = core_->Complete(token, 0.1 + 0.2);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->revision, first->revision);
  EXPECT_EQ(core_->StudyOf(study_).revision, revision);
}

TEST_F(TrialRecorderTest, TheSameFailAgainIsOkWhileTheNextAttemptRuns) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Fail(token).ok());
  const Token next = Lease();
  ASSERT_EQ(next.trial, token.trial);
  EXPECT_TRUE(core_->Fail(token).ok());
  EXPECT_EQ(core_->TrialOf(token.trial).attempts, 2);
  EXPECT_EQ(core_->TrialOf(token.trial).failed_attempts, 1);
}

TEST_F(TrialRecorderTest, AFinishTellsTheSlotAtLast) {
  const Token token = Lease();
  const FinishReport report = {
      .token = token, .metrics = {{"loss", 1}}, .slot = 2, .gpu = "1: H100"};
  ASSERT_TRUE(core_->Finish(report).ok());
  EXPECT_EQ(core_->AttemptOf(token).slot, 2);
  EXPECT_EQ(core_->AttemptOf(token).gpu, "1: H100");
}

TEST_F(TrialRecorderTest, TheSlotIsNoContentOfAFinish) {
  const Token token = Lease();
  FinishReport report = {
      .token = token, .metrics = {{"loss", 1}}, .slot = 2, .gpu = "1: H100"};
  ASSERT_TRUE(core_->Finish(report).ok());
  report.slot = 0;  // As recorded by an older coordinator, or sent to one.
  EXPECT_TRUE(core_->Finish(report).ok());
  EXPECT_EQ(core_->AttemptOf(token).slot, 2);
}

TEST_F(TrialRecorderTest, AFinishWithOtherContentIsRefused) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Complete(token, 0.5).ok());
  EXPECT_THAT(core_->Complete(token, 0.6),
              Fails(StatusCode::kFailedPrecondition, "COMPLETED"));
  EXPECT_THAT(core_->Fail(token), HasCode(StatusCode::kFailedPrecondition));
  EXPECT_EQ(core_->TrialOf(token.trial).final_metrics.at("loss"), 0.5);
}

TEST_F(TrialRecorderTest, TheSameLogPieceAgainIsOkAndOtherContentRefused) {
  const Token token = Lease();
  const auto append = [&](int64_t offset, std::string bytes) {
    Later<absl::Status> done;
    core_->recorder.AppendLog(token, {offset, std::move(bytes)},
                              done.Callback());
    return done.Get();
  };
  EXPECT_TRUE(append(0, "epoch 1\n").ok());
  EXPECT_TRUE(append(8, "epoch 2\n").ok());
  EXPECT_TRUE(append(0, "epoch 1\n").ok());
  EXPECT_EQ(append(8, "epoch X\n").code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  EXPECT_TRUE(append(16, "bye\n").ok());  // Also after the end.
}

// --- The order of the checks: exists, same key, not finished, valid ---------

TEST_F(TrialRecorderTest, WhatIsNotThereIsNotFoundFirst) {
  const Token token = Lease();
  const Token no_trial{TrialId{99}, 1};
  const Token no_attempt{token.trial, 2};
  for (const Token& nothing : {no_trial, no_attempt}) {
    EXPECT_THAT(core_->Report(nothing, Loss(1, 1, 1)),
                HasCode(StatusCode::kNotFound));
    EXPECT_THAT(core_->Finish({.token = nothing}),
                HasCode(StatusCode::kNotFound));
    EXPECT_THAT(core_->recorder.Heartbeat(nothing),
                HasCode(StatusCode::kNotFound));
  }
}

TEST_F(TrialRecorderTest, FinishedComesBeforeValid) {
  const Token token = Lease();
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  EXPECT_THAT(core_->Finish({.token = token}),  // Without its objective.
              HasCode(StatusCode::kFailedPrecondition));
}

// --- Fencing ----------------------------------------------------------------

TEST_F(TrialRecorderTest, AnOldAttemptIsRefusedWhileTheNextOneRuns) {
  const Token old = Lease();
  Expire(old);
  const Token next = TokenOf(core_->Lease(study_, "c2"));
  ASSERT_EQ(next.trial, old.trial);
  EXPECT_THAT(core_->Report(old, Loss(1, 1, 1)),
              Fails(StatusCode::kFailedPrecondition, "attempt 2"));
  EXPECT_THAT(core_->Complete(old, 1),
              Fails(StatusCode::kFailedPrecondition, "attempt 2"));
  EXPECT_THAT(core_->recorder.Heartbeat(old),
              Fails(StatusCode::kFailedPrecondition, "attempt 2"));
  EXPECT_EQ(core_->TrialOf(old.trial).state, TrialState::kRunning);
  EXPECT_EQ(core_->Complete(next, 2)->final_metrics.at("loss"), 2);
}

TEST_F(TrialRecorderTest, AnOldAttemptIsRefusedWhileTheTrialWaits) {
  const Token old = Lease();
  Expire(old);
  EXPECT_THAT(core_->Complete(old, 1),
              Fails(StatusCode::kFailedPrecondition, "PENDING"));
  EXPECT_EQ(core_->TrialOf(old.trial).state, TrialState::kPending);
}

// --- Leases -----------------------------------------------------------------

TEST_F(TrialRecorderTest, ReportsAndHeartbeatsRenewTheLease) {
  const Token token = Lease();
  for (int i = 0; i < 4; ++i) {
    core_->Advance(absl::Minutes(9));
    if (i % 2 == 0) {
      ASSERT_TRUE(core_->recorder.Heartbeat(token).ok());
    } else {
      ASSERT_TRUE(core_->Report(token, Loss(0, i, 1)).ok());
    }
    core_->dispatcher.ExpireLeases();
    core_->Settle();
  }
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kRunning);
}

TEST_F(TrialRecorderTest, ARenewalThatComesBeforeTheExpiryIsWrittenWins) {
  const Token token = Lease();
  core_->Advance(absl::Minutes(10));
  core_->storage.Hold();
  core_->dispatcher.ExpireLeases();
  EXPECT_TRUE(core_->recorder.Heartbeat(token).ok());
  core_->storage.Release();
  core_->Settle();
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kRunning);
  EXPECT_EQ(core_->TrialOf(token.trial).lost_attempts, 0);
}

TEST_F(TrialRecorderTest, AnExpiryIsWrittenOnceHoweverOftenItIsSeen) {
  const Token token = Lease();
  core_->Advance(absl::Minutes(10));
  core_->storage.Hold();
  core_->dispatcher.ExpireLeases();
  core_->dispatcher.ExpireLeases();
  core_->storage.Release();
  core_->Settle();
  EXPECT_EQ(core_->TrialOf(token.trial).lost_attempts, 1);
}

TEST_F(TrialRecorderTest, AnExpiryWhoseCommitFailsIsTriedAgain) {
  const Token token = Lease();
  core_->Advance(absl::Minutes(10));
  core_->storage.FailWhen([] { return true; });
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kRunning);
  core_->storage.FailWhen(nullptr);
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kPending);
}

TEST_F(TrialRecorderTest, AFinishWhoseCommitFailsMayBeSentAgain) {
  const Token token = Lease();
  core_->storage.FailWhen([] { return true; });
  EXPECT_THAT(core_->Complete(token, 1), HasCode(StatusCode::kUnavailable));
  core_->storage.FailWhen(nullptr);
  EXPECT_TRUE(core_->recorder.Heartbeat(token).ok());
  EXPECT_EQ(core_->Complete(token, 1)->state, TrialState::kCompleted);
}

// --- Batches ----------------------------------------------------------------

TEST_F(TrialRecorderTest, ABatchGivesTheHighestDurableSequence) {
  const Token token = Lease();
  EXPECT_EQ(core_->ReportBatch(token, {Loss(1, 1, 1), Loss(2, 2, 1)}).value(),
            2);
  EXPECT_EQ(core_->ReportBatch(token, {}).value(), 0);
}

TEST_F(TrialRecorderTest, ABatchSkipsWhatIsKnown) {
  const Token token = Lease();
  ASSERT_TRUE(core_->ReportBatch(token, {Loss(1, 1, 1), Loss(2, 2, 1)}).ok());
  EXPECT_EQ(core_->ReportBatch(token, {Loss(2, 2, 1), Loss(3, 3, 1)}).value(),
            3);
  EXPECT_THAT(Curve(token), SizeIs(3));
}

TEST_F(TrialRecorderTest, ABatchWithOtherContentIsRefusedAsAWhole) {
  const Token token = Lease();
  ASSERT_TRUE(core_->ReportBatch(token, {Loss(2, 2, 1)}).ok());
  EXPECT_THAT(core_->ReportBatch(token, {Loss(1, 1, 1), Loss(2, 2, 9)}),
              HasCode(StatusCode::kFailedPrecondition));
  EXPECT_THAT(Curve(token), SizeIs(1));
}

TEST_F(TrialRecorderTest, BatchesThatWaitShareAWriteAndKeepTheirAnswers) {
  const Token token = Lease();
  core_->storage.Hold();
  Later<absl::StatusOr<int64_t>> first, none, last;
  core_->recorder.ReportBatch(token, {Loss(1, 1, 1)}, first.Callback());
  core_->recorder.ReportBatch(token, {}, none.Callback());
  core_->recorder.ReportBatch(token, {Loss(2, 2, 1), Loss(3, 3, 1)},
                              last.Callback());
  EXPECT_EQ(core_->storage.held(), 1);
  core_->storage.Release();
  EXPECT_EQ(first.Get().value(), 1);
  EXPECT_EQ(none.Get().value(), 0);
  EXPECT_EQ(last.Get().value(), 3);
  EXPECT_THAT(Curve(token), SizeIs(3));
}

TEST_F(TrialRecorderTest, BatchesThatShareAWriteFailTogether) {
  const Token token = Lease();
  core_->storage.Hold();
  Later<absl::StatusOr<int64_t>> first, second;
  core_->recorder.ReportBatch(token, {Loss(1, 1, 1)}, first.Callback());
  core_->recorder.ReportBatch(token, {Loss(2, 2, 1)}, second.Callback());
  core_->storage.FailTogether();
  EXPECT_THAT(first.Get(), HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(second.Get(), HasCode(StatusCode::kUnavailable));
  core_->storage.Release();
  EXPECT_THAT(Curve(token), IsEmpty());
  EXPECT_EQ(core_->ReportBatch(token, {Loss(1, 1, 1)}).value(), 1);
}

TEST_F(TrialRecorderTest, ABatchDoesNotOvertakeTheFinishBeforeIt) {
  const Token token = Lease();
  core_->storage.Hold();
  Later<absl::StatusOr<int64_t>> before, after;
  Later<absl::StatusOr<Trial>> finished;
  core_->recorder.ReportBatch(token, {Loss(1, 1, 1)}, before.Callback());
  core_->recorder.Finish({.token = token}, finished.Callback());
  core_->recorder.ReportBatch(token, {Loss(2, 2, 2)}, after.Callback());
  core_->storage.Release();
  EXPECT_EQ(before.Get().value(), 1);
  EXPECT_EQ(finished.Get()->final_metrics.at("loss"), 1);
  EXPECT_THAT(after.Get(), HasCode(StatusCode::kFailedPrecondition));
}

TEST_F(TrialRecorderTest, ABatchDoesNotOvertakeTheReportBeforeIt) {
  const Token token = Lease();
  core_->storage.Hold();
  Later<absl::StatusOr<int64_t>> before, after;
  Later<absl::StatusOr<Advice>> between;
  core_->recorder.ReportBatch(token, {Loss(1, 1, 1)}, before.Callback());
  core_->recorder.Report(token, Loss(0, 2, 2), between.Callback());
  core_->recorder.ReportBatch(token, {Loss(3, 3, 3)}, after.Callback());
  core_->storage.Release();
  EXPECT_TRUE(between.Get().ok());
  EXPECT_EQ(after.Get().value(), 3);
  EXPECT_EQ(Curve(token)[1].metrics.at("loss"), 2);
}

TEST_F(TrialRecorderTest, ALongRowOfBatchesIsSeveralWrites) {
  const Token token = Lease();
  core_->storage.Hold();
  std::vector<Later<absl::StatusOr<int64_t>>> all(300);
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t sequence = static_cast<int64_t>(i) + 1;
    core_->recorder.ReportBatch(token, {Loss(sequence, 1, 1)},
                                all[i].Callback());
  }
  EXPECT_EQ(core_->storage.held(), 2);
  core_->storage.Release();
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].Get().value(), static_cast<int64_t>(i) + 1);
  }
}

TEST_F(TrialRecorderTest, ABatchMayRepeatItself) {
  const Token token = Lease();
  EXPECT_EQ(core_
                ->ReportBatch(token, {Loss(2, 2, 1), Loss(1, 1, 1),
                                      Loss(2, 2, 1), Loss(4, 4, 1)})
                .value(),
            4);
  EXPECT_THAT(Curve(token), SizeIs(3));
  EXPECT_EQ(core_->StudyOf(study_).counts.steps, 4);
}

// --- Early stopping ---------------------------------------------------------

class EarlyStoppingTest : public TrialRecorderTest {
 protected:
  static StudySpec Spec() {
    StudySpec spec = GridSpec("stopping", 100);
    spec.stopping.rules = {{.name = "patience", .patience_steps = 2}};
    return spec;
  }

  StudyId stopping_ = core_->Create(Spec());
  Token token_ = TokenOf(core_->Lease(stopping_, "c1"));
};

TEST_F(EarlyStoppingTest, AReportAnswersWithTheRulesReasonAndRecordsTheStop) {
  EXPECT_FALSE(core_->Report(token_, Loss(1, 1, 0.5))->should_stop);
  EXPECT_FALSE(core_->Report(token_, Loss(2, 2, 0.6))->should_stop);
  const auto advice = core_->Report(token_, Loss(3, 3, 0.7));
  ASSERT_TRUE(advice.ok()) << advice.status();
  EXPECT_TRUE(advice->should_stop);
  EXPECT_THAT(advice->reason, HasSubstr("has not fallen"));
  EXPECT_EQ(core_->AttemptOf(token_).stop_reason, advice->reason);
  EXPECT_EQ(core_->Finish({.token = token_})->state, TrialState::kStopped);
}

TEST_F(EarlyStoppingTest, HeartbeatsTellAStopTooOnceItIsRecorded) {
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(core_->Report(token_, Loss(i, i, i)).ok());
  }
  EXPECT_TRUE(core_->recorder.Heartbeat(token_)->should_stop);
  EXPECT_TRUE(core_->Report(token_, Loss(4, 4, 0))->should_stop);
}

TEST_F(EarlyStoppingTest, ABatchLeadsToAStopThatObserversHear) {
  ASSERT_TRUE(
      core_->ReportBatch(token_, {Loss(1, 1, 1), Loss(2, 2, 2), Loss(3, 3, 3)})
          .ok());
  core_->Settle();
  EXPECT_THAT(core_->AttemptOf(token_).stop_reason,
              HasSubstr("has not fallen"));
}

TEST_F(EarlyStoppingTest, AReportThatWaitsTooLongAnswersWithoutTheDecision) {
  ASSERT_TRUE(core_->ReportBatch(token_, {Loss(1, 1, 1), Loss(2, 2, 2)}).ok());
  core_->Settle();
  core_->pool.Hold();
  Later<absl::StatusOr<Advice>> advice;
  core_->recorder.Report(token_, Loss(3, 3, 3), advice.Callback());
  core_->Settle();
  EXPECT_FALSE(advice.is_there());
  core_->Advance(absl::Milliseconds(100));
  ASSERT_TRUE(advice.is_there());
  EXPECT_FALSE(advice.Get()->should_stop);
  core_->pool.Release();
  core_->Settle();
  EXPECT_TRUE(core_->recorder.Heartbeat(token_)->should_stop);
}

TEST_F(EarlyStoppingTest, ADecisionThatComesAfterTheEndChangesNothing) {
  ASSERT_TRUE(core_->ReportBatch(token_, {Loss(1, 1, 1), Loss(2, 2, 2)}).ok());
  core_->Settle();
  core_->pool.Hold();
  Later<absl::StatusOr<Advice>> advice;
  core_->recorder.Report(token_, Loss(3, 3, 3), advice.Callback());
  ASSERT_EQ(core_->Finish({.token = token_})->state, TrialState::kCompleted);
  core_->pool.Release();
  core_->Settle();
  EXPECT_FALSE(advice.Get()->should_stop);
  EXPECT_EQ(core_->TrialOf(token_.trial).state, TrialState::kCompleted);
}

TEST_F(EarlyStoppingTest, TheMedianOfTheOthersStopsABadTrial) {
  StudySpec spec = GridSpec("median", 100);
  spec.stopping.rules = {{.name = "median", .min_trials = 2}};
  const StudyId study = core_->Create(spec);
  for (int i = 0; i < 2; ++i) {
    const Token good = TokenOf(core_->Lease(study, "c1"));
    ASSERT_FALSE(core_->Report(good, Loss(1, 1, 0.1))->should_stop);
    ASSERT_TRUE(core_->Finish({.token = good}).ok());
  }
  const Token bad = TokenOf(core_->Lease(study, "c1"));
  EXPECT_TRUE(core_->Report(bad, Loss(1, 1, 0.9))->should_stop);
  const Token fair = TokenOf(core_->Lease(study, "c2"));
  EXPECT_FALSE(core_->Report(fair, Loss(1, 1, 0.05))->should_stop);
}

TEST_F(TrialRecorderTest, WithoutARuleNobodyIsToldToStop) {
  const Token token = Lease();
  for (int i = 1; i < 20; ++i) {
    EXPECT_FALSE(core_->Report(token, Loss(i, i, i))->should_stop);
  }
}

}  // namespace
}  // namespace assay
