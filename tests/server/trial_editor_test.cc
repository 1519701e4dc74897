#include "server/trial_editor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using absl::StatusCode;

class TrialEditorTest : public CoreTest {
 protected:
  StudyId study_ = core_->Create(GridSpec("a", 100));
};

// --- Enqueue ----------------------------------------------------------------

TEST_F(TrialEditorTest, AnEnqueuedTrialIsHandedOutBeforeProposals) {
  ASSERT_TRUE(core_->Enqueue(study_, X(77)).ok());
  ASSERT_TRUE(core_->Enqueue(study_, X(66)).ok());
  EXPECT_EQ(XOf(core_->Lease(study_, "c1").trial), 77);
  EXPECT_EQ(XOf(core_->Lease(study_, "c2").trial), 66);
  const Handout third = core_->Lease(study_, "c3");
  EXPECT_EQ(XOf(third.trial), 0);
  EXPECT_EQ(third.trial.origin.strategy, "grid");
}

TEST_F(TrialEditorTest, EnqueueStoresTheCanonicalPoint) {
  const auto trial = core_->Enqueue(study_, {{"x", 3.0}});
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->parameters, X(3));
  EXPECT_EQ(trial->origin.strategy, "user");
}

TEST_F(TrialEditorTest, EnqueueOutsideTheSpaceIsInvalid) {
  EXPECT_THAT(core_->Enqueue(study_, X(100)),
              Fails(StatusCode::kInvalidArgument, "\"x\""));
  EXPECT_THAT(core_->Enqueue(study_, {{"y", int64_t{1}}}),
              HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(core_->TrialsOf(study_), IsEmpty());
}

TEST_F(TrialEditorTest, EnqueueIntoACompletedStudyIsRefused) {
  ASSERT_TRUE(core_->Stop(study_).ok());
  EXPECT_THAT(core_->Enqueue(study_, X(1)),
              Fails(StatusCode::kFailedPrecondition, "COMPLETED"));
}

TEST_F(TrialEditorTest, NotFinishedComesBeforeValid) {
  ASSERT_TRUE(core_->Stop(study_).ok());
  EXPECT_THAT(core_->Enqueue(study_, X(100)),
              HasCode(StatusCode::kFailedPrecondition));
}

TEST_F(TrialEditorTest, EnqueueIntoAPausedStudyWaits) {
  ASSERT_TRUE(core_->Pause(study_).ok());
  EXPECT_EQ(core_->Enqueue(study_, X(1))->state, TrialState::kPending);
}

TEST_F(TrialEditorTest, TheSameRequestIdGetsTheSameTrial) {
  const auto first = core_->Enqueue(study_, X(5), "r1");
  const auto again = core_->Enqueue(study_, X(5), "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, first->id);
  EXPECT_THAT(core_->TrialsOf(study_), SizeIs(1));
}

TEST_F(TrialEditorTest, TheSameRequestIdComesBeforeTheState) {
  const auto first = core_->Enqueue(study_, X(5), "r1");
  ASSERT_TRUE(core_->Stop(study_).ok());
  const auto again = core_->Enqueue(study_, X(5), "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, first->id);
}

TEST_F(TrialEditorTest, ARequestIdWithOtherContentIsRefused) {
  ASSERT_TRUE(core_->Enqueue(study_, X(5), "r1").ok());
  EXPECT_THAT(core_->Enqueue(study_, X(6), "r1"),
              Fails(StatusCode::kFailedPrecondition, "\"r1\""));
}

TEST_F(TrialEditorTest, WithoutARequestIdEachIsNew) {
  ASSERT_TRUE(core_->Enqueue(study_, X(5)).ok());
  ASSERT_TRUE(core_->Enqueue(study_, X(5)).ok());
  EXPECT_THAT(core_->TrialsOf(study_), SizeIs(2));
}

TEST_F(TrialEditorTest, AFailedEnqueueMayBeSentAgain) {
  core_->storage.FailWhen([] { return true; });
  EXPECT_THAT(core_->Enqueue(study_, X(5), "r1"),
              HasCode(StatusCode::kUnavailable));
  core_->storage.FailWhen(nullptr);
  EXPECT_TRUE(core_->Enqueue(study_, X(5), "r1").ok());
  EXPECT_THAT(core_->TrialsOf(study_), SizeIs(1));
}

TEST_F(TrialEditorTest, AnEnqueuedTrialDropsTheEqualReadyProposal) {
  core_->Lease(study_, "c0");  // Point 0; the next ones are ready.
  core_->Settle();
  ASSERT_TRUE(core_->Enqueue(study_, X(2)).ok());
  EXPECT_EQ(XOf(core_->Lease(study_, "c1").trial), 2);
  EXPECT_EQ(XOf(core_->Lease(study_, "c2").trial), 1);
  EXPECT_EQ(XOf(core_->Lease(study_, "c3").trial), 3);
}

TEST_F(TrialEditorTest, AnEnqueueThatFailsLosesNoProposal) {
  core_->Lease(study_, "c0");
  core_->Settle();
  core_->storage.FailWhen([] { return true; });
  EXPECT_FALSE(core_->Enqueue(study_, X(1)).ok());
  core_->storage.FailWhen(nullptr);
  EXPECT_EQ(XOf(core_->Lease(study_, "c1").trial), 1);
}

// --- Import -----------------------------------------------------------------

TEST_F(TrialEditorTest, AnImportedTrialIsFinishedAndCounts) {
  const auto trial = core_->Import(
      study_,
      {.parameters = X(9),
       .metrics = {{"loss", 0.5}},
       .curve = {{.sequence = 1, .step = 4, .metrics = {{"loss", 1}}}}});
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->state, TrialState::kCompleted);
  EXPECT_EQ(trial->final_metrics.at("loss"), 0.5);
  const StudyCounts counts = core_->StudyOf(study_).counts;
  EXPECT_EQ(counts.completed, 1);
  EXPECT_EQ(counts.configurations, 1);
  EXPECT_EQ(counts.measurements, 1);
  EXPECT_EQ(core_->TrialOf(trial->id).last_step, 4);
}

TEST_F(TrialEditorTest, AnImportedTrialIsNotProposedAgain) {
  core_->Lease(study_, "c0");
  core_->Settle();
  ASSERT_TRUE(
      core_->Import(study_, {.parameters = X(1), .metrics = {{"loss", 0.5}}})
          .ok());
  EXPECT_EQ(XOf(core_->Lease(study_, "c1").trial), 2);
}

TEST_F(TrialEditorTest, AnImportedTrialWithoutItsObjectiveIsInvalid) {
  EXPECT_THAT(core_->Import(study_, {.parameters = X(1)}),
              Fails(StatusCode::kInvalidArgument, "\"loss\""));
  EXPECT_TRUE(
      core_->Import(study_, {.parameters = X(1), .state = TrialState::kFailed})
          .ok());
}

TEST_F(TrialEditorTest, TheSameImportAgainIsOneTrial) {
  const TrialEditor::Imported imported = {.parameters = X(1),
                                          .metrics = {{"loss", 0.5}}};
  const auto first = core_->Import(study_, imported, "r1");
  const auto again = core_->Import(study_, imported, "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, first->id);
}

TEST_F(TrialEditorTest, AnImportedTrialKeepsWhatItWasElsewhere) {
  const absl::Time start = absl::FromUnixSeconds(1000);
  const auto trial = core_->Import(study_, {.parameters = X(1),
                                            .metrics = {{"loss", 0.5}},
                                            .note = "from afar",
                                            .from_step = 1,
                                            .to_step = 9,
                                            .last_step = 5,
                                            .replicate = 2,
                                            .started = start,
                                            .ended = start + absl::Seconds(3),
                                            .holder = "ann"});
  ASSERT_TRUE(trial.ok()) << trial.status();
  const Trial stored = core_->TrialOf(trial->id);
  EXPECT_EQ(stored.note, "from afar");
  EXPECT_EQ(stored.from_step, 1);
  EXPECT_EQ(stored.to_step, 9);
  EXPECT_EQ(stored.last_step, 5);
  EXPECT_EQ(stored.replicate, 2);
  EXPECT_EQ(stored.started, start);
  EXPECT_EQ(stored.ended, start + absl::Seconds(3));
  EXPECT_EQ(core_->AttemptOf({trial->id, 1}).holder, "ann");
  EXPECT_EQ(core_->StudyOf(study_).counts.steps, 4);
}

TEST_F(TrialEditorTest, AnImportedTrialReachedTheStepsOfItsCurve) {
  const auto trial = core_->Import(
      study_,
      {.parameters = X(1),
       .curve = {{.sequence = 1, .step = 3, .metrics = {{"loss", 2}}},
                 {.sequence = 2, .step = 4, .metrics = {{"loss", 1}}}}});
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->last_step, 4);
  EXPECT_EQ(core_->StudyOf(study_).counts.steps, 4);
}

TEST_F(TrialEditorTest, AnImportMayReachTheTarget) {
  StudySpec spec = GridSpec("target", 10);
  spec.budget.target = 0.5;
  const StudyId study = core_->Create(spec);
  ASSERT_TRUE(
      core_->Import(study, {.parameters = X(1), .metrics = {{"loss", 0.25}}})
          .ok());
  EXPECT_EQ(core_->StudyOf(study).completion, CompletionReason::kTargetReached);
}

// --- Stop -------------------------------------------------------------------

TEST_F(TrialEditorTest, StopTakesAWaitingTrialOutOfTheQueue) {
  const TrialId trial = core_->Enqueue(study_, X(5))->id;
  EXPECT_EQ(core_->StopTrial(trial, "not needed")->state, TrialState::kStopped);
  EXPECT_EQ(core_->TrialOf(trial).reason, "not needed");
  EXPECT_EQ(XOf(core_->Lease(study_, "c1").trial), 0);
}

TEST_F(TrialEditorTest, StopTellsTheHolderOfARunningTrial) {
  const Token token = TokenOf(core_->Lease(study_, "c1"));
  EXPECT_EQ(core_->StopTrial(token.trial)->state, TrialState::kRunning);
  const auto advice = core_->recorder.Heartbeat(token);
  EXPECT_TRUE(advice->should_stop);
  EXPECT_THAT(advice->reason, HasSubstr("stopped by a user"));
}

TEST_F(TrialEditorTest, StopAgainIsOkAndKeepsTheFirstReason) {
  const Token token = TokenOf(core_->Lease(study_, "c1"));
  ASSERT_TRUE(core_->StopTrial(token.trial, "first").ok());
  const int64_t revision = core_->StudyOf(study_).revision;
  ASSERT_TRUE(core_->StopTrial(token.trial, "second").ok());
  EXPECT_EQ(core_->StudyOf(study_).revision, revision);
  ASSERT_TRUE(core_->Finish({.token = token}).ok());
  EXPECT_TRUE(core_->StopTrial(token.trial, "third").ok());
  EXPECT_EQ(core_->TrialOf(token.trial).reason, "first");
}

TEST_F(TrialEditorTest, StopOfATrialThatEndedOtherwiseIsRefused) {
  const Token token = TokenOf(core_->Lease(study_, "c1"));
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  EXPECT_THAT(core_->StopTrial(token.trial),
              HasCode(StatusCode::kFailedPrecondition));
  EXPECT_THAT(core_->StopTrial(TrialId{99}), HasCode(StatusCode::kNotFound));
}

// --- Retry ------------------------------------------------------------------

TEST_F(TrialEditorTest, RetryMakesANewTrialOfTheSameParameters) {
  const Token token = TokenOf(core_->Lease(study_, "c1"));
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  const auto retry = core_->Retry(token.trial);
  ASSERT_TRUE(retry.ok()) << retry.status();
  EXPECT_NE(retry->id, token.trial);
  EXPECT_EQ(retry->retry_of, token.trial);
  EXPECT_EQ(retry->parameters, core_->TrialOf(token.trial).parameters);
  EXPECT_EQ(retry->state, TrialState::kPending);
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kCompleted);
  EXPECT_EQ(core_->Lease(study_, "c1").trial.id, retry->id);
}

TEST_F(TrialEditorTest, RetryOfWhatRunsIsRefused) {
  const Token token = TokenOf(core_->Lease(study_, "c1"));
  EXPECT_THAT(core_->Retry(token.trial),
              Fails(StatusCode::kFailedPrecondition, "RUNNING"));
}

TEST_F(TrialEditorTest, TheSameRetryAgainIsOneTrial) {
  const Token token = TokenOf(core_->Lease(study_, "c1"));
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  const auto first = core_->Retry(token.trial, "r1");
  const auto again = core_->Retry(token.trial, "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, first->id);
}

}  // namespace
}  // namespace assay
