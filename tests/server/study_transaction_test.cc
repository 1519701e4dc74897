// What a study may spend, and what follows once it is spent.

#include "server/study_transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using absl::StatusCode;

class BudgetTest : public CoreTest {
 protected:
  StudyId Create(Budget budget, int points = 100) {
    StudySpec spec = GridSpec("a", points);
    spec.budget = budget;
    return core_->Create(spec);
  }

  void ExpectCompleted(StudyId study, CompletionReason reason,
                       const std::string& words) {
    core_->Settle();
    const Study row = core_->StudyOf(study);
    EXPECT_EQ(row.state, StudyState::kCompleted);
    EXPECT_EQ(row.completion, reason) << ToText(row.completion);
    EXPECT_THAT(row.reason, HasSubstr(words));
  }

  void ExpectActive(StudyId study) {
    core_->Settle();
    EXPECT_EQ(core_->StudyOf(study).state, StudyState::kActive);
  }

  // That nothing new starts now, and why.
  void ExpectNothingNow(StudyId study, const std::string& why) {
    const auto answer = core_->Suggest(study, "somebody");
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_THAT(answer->handouts, IsEmpty());
    EXPECT_THAT(answer->reason, HasSubstr(why));
    EXPECT_GT(answer->retry_after, absl::ZeroDuration());
  }
};

// --- max_trials -------------------------------------------------------------

TEST_F(BudgetTest, MaxTrialsEndsTheStudyWithItsLastRunningTrial) {
  const StudyId study = Create({.max_trials = 2});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  const Token second = TokenOf(core_->Lease(study, "c2"));
  ExpectNothingNow(study, "max_trials: 2 of 2");
  ASSERT_TRUE(core_->Complete(first, 1).ok());
  ExpectActive(study);
  ASSERT_TRUE(core_->Complete(second, 1).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_trials: 2 of 2");
  EXPECT_THAT(core_->Suggest(study, "c3"),
              Fails(StatusCode::kOutOfRange, "BUDGET_SPENT"));
}

// --- Replicates -------------------------------------------------------------

class ReplicatesTest : public BudgetTest {
 protected:
  StudyId CreateReplicated(int32_t replicates, Budget budget) {
    StudySpec spec = GridSpec("r", 100);
    spec.replicates = replicates;
    spec.budget = budget;
    return core_->Create(spec);
  }
};

TEST_F(ReplicatesTest, AllRunsOfAConfigurationComeBeforeTheNext) {
  const StudyId study = CreateReplicated(3, {});
  std::vector<std::pair<int64_t, int32_t>> seen;
  for (int i = 0; i < 6; ++i) {
    const Trial trial = core_->Lease(study, absl::StrCat("c", i)).trial;
    seen.push_back({XOf(trial), trial.replicate});
  }
  EXPECT_THAT(seen,
              testing::ElementsAre(testing::Pair(0, 0), testing::Pair(0, 1),
                                   testing::Pair(0, 2), testing::Pair(1, 0),
                                   testing::Pair(1, 1), testing::Pair(1, 2)));
}

TEST_F(ReplicatesTest, MaxTrialsCountsConfigurationsAndLetsTheirRunsEnd) {
  const StudyId study = CreateReplicated(2, {.max_trials = 1});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Complete(first, 1).ok());
  ExpectActive(study);
  const Handout second = core_->Lease(study, "c1");
  EXPECT_EQ(second.trial.replicate, 1);
  ExpectNothingNow(study, "max_trials: 1 of 1");
  ASSERT_TRUE(core_->Complete(TokenOf(second), 1).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_trials: 1 of 1");
  EXPECT_EQ(core_->StudyOf(study).counts.configurations, 1);
}

TEST_F(ReplicatesTest, AnotherAttemptAddsNoMore) {
  const StudyId study = CreateReplicated(2, {});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  ASSERT_EQ(core_->Fail(first)->state, TrialState::kPending);
  core_->Lease(study, "c2");
  core_->Lease(study, "c3");
  EXPECT_THAT(core_->TrialsOf(study), SizeIs(2));
}

TEST_F(ReplicatesTest, WhatIsImportedOrRunAgainHasNone) {
  const StudyId study = CreateReplicated(2, {});
  ASSERT_TRUE(
      core_->Import(study, {.parameters = X(50), .metrics = {{"loss", 1}}})
          .ok());
  EXPECT_EQ(core_->StudyOf(study).counts.pending, 0);
  const Token first = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Complete(first, 1).ok());
  ASSERT_TRUE(core_->Retry(first.trial).ok());
  EXPECT_EQ(core_->Lease(study, "c2").trial.replicate, 1);
  EXPECT_EQ(core_->Lease(study, "c3").trial.retry_of, first.trial);
  EXPECT_EQ(core_->StudyOf(study).counts.pending, 0);
}

TEST_F(ReplicatesTest, AFailedCommitLeavesNone) {
  const StudyId study = CreateReplicated(2, {});
  core_->storage.FailWhen([] { return true; });
  EXPECT_FALSE(core_->Suggest(study, "c1").ok());
  core_->storage.FailWhen(nullptr);
  EXPECT_THAT(core_->TrialsOf(study), IsEmpty());
}

TEST_F(BudgetTest, MaxTrialsLetsRequeuedTrialsRunOn) {
  const StudyId study = Create({.max_trials = 1});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  ASSERT_EQ(core_->Fail(first)->state, TrialState::kPending);
  ExpectActive(study);
  const Handout again = core_->Lease(study, "c2");
  EXPECT_EQ(again.trial.id, first.trial);
  EXPECT_EQ(again.attempt.number, 2);
  ASSERT_TRUE(core_->Complete(TokenOf(again), 1).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_trials");
  EXPECT_EQ(core_->StudyOf(study).counts.configurations, 1);
}

TEST_F(BudgetTest, MaxTrialsKeepsWhatIsQueuedAndNeverRanInTheQueue) {
  const StudyId study = Create({.max_trials = 1});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  const TrialId queued = core_->Enqueue(study, X(50))->id;
  ExpectNothingNow(study, "max_trials");
  ASSERT_TRUE(core_->Complete(first, 1).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_trials");
  EXPECT_EQ(core_->TrialOf(queued).state, TrialState::kPending);
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 2}).ok());
  EXPECT_EQ(core_->Lease(study, "c1").trial.id, queued);
}

TEST_F(BudgetTest, MaxTrialsDoesNotCountInfeasibleOnes) {
  const StudyId study = Create({.max_trials = 1});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Finish({.token = first, .end = End::kInfeasible}).ok());
  ExpectActive(study);
  const Token second = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Complete(second, 1).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_trials: 1 of 1");
}

TEST_F(BudgetTest, RaisingMaxTrialsReopensTheStudy) {
  const StudyId study = Create({.max_trials = 1});
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 1).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_trials");
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 2}).ok());
  ExpectActive(study);
  EXPECT_EQ(XOf(core_->Lease(study, "c").trial), 1);
}

TEST_F(BudgetTest, AnEditThatLeavesTheBudgetSpentReopensNothing) {
  const StudyId study = Create({.max_trials = 1});
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 1).ok());
  core_->Settle();
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 1}).ok());
  ASSERT_TRUE(core_->Update(study, {.note = "hm"}).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_trials");
}

TEST_F(BudgetTest, LoweringMaxTrialsEndsAStudyWhereNothingRuns) {
  const StudyId study = Create({});
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 1).ok());
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 1}).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_trials: 1 of 1");
}

TEST_F(BudgetTest, AUsersStopIsFinal) {
  const StudyId study = Create({.max_trials = 1});
  ASSERT_TRUE(core_->Stop(study).ok());
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 9}).ok());
  ExpectCompleted(study, CompletionReason::kStoppedByUser, "stopped");
}

// --- max_parallel -----------------------------------------------------------

TEST_F(BudgetTest, MaxParallelCountsClientsAndWorkersTogether) {
  const StudyId study = Create({.max_parallel = 2});
  core_->Lease(study, "c1");
  ASSERT_THAT(core_->LeaseToWorker(study, "w1")->handouts, SizeIs(1));
  ExpectNothingNow(study, "max_parallel: 2 of 2");
  const auto refused = core_->LeaseToWorker(study, "w2");
  EXPECT_THAT(refused->handouts, IsEmpty());
  EXPECT_THAT(refused->reason, HasSubstr("max_parallel"));
  ExpectActive(study);
}

TEST_F(BudgetTest, MaxParallelBoundsOneAskForMany) {
  const StudyId study = Create({.max_parallel = 3});
  EXPECT_THAT(core_->Suggest(study, "c1", 5)->handouts, SizeIs(3));
}

// --- max_steps_total, max_training_seconds ----------------------------------

TEST_F(BudgetTest, MaxStepsTotalCountsTheStepsOfAllTrials) {
  const StudyId study = Create({.max_steps_total = 5});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  const Token second = TokenOf(core_->Lease(study, "c2"));
  ASSERT_TRUE(core_->Report(first, {.step = 3}).ok());
  ASSERT_TRUE(core_->Report(first, {.step = 2}).ok());  // Not new work.
  EXPECT_EQ(core_->StudyOf(study).counts.steps, 3);
  ASSERT_TRUE(core_->Report(second, {.step = 2}).ok());
  ExpectNothingNow(study, "max_steps_total: 5 of 5");
  ASSERT_TRUE(core_->Complete(first, 1).ok());
  ExpectActive(study);
  ASSERT_TRUE(core_->Complete(second, 1).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_steps_total");
}

TEST_F(BudgetTest, StepsOfEachAttemptAreWork) {
  const StudyId study = Create({});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Report(first, {.step = 3}).ok());
  ASSERT_TRUE(core_->Fail(first).ok());
  const Token second = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Report(second, {.step = 2}).ok());
  EXPECT_EQ(core_->StudyOf(study).counts.steps, 5);
  EXPECT_EQ(core_->TrialOf(first.trial).last_step, 2);
}

TEST_F(BudgetTest, MaxTrainingSecondsCountsTheTimeOfAllAttempts) {
  const StudyId study = Create({.max_training_seconds = 30});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  core_->Advance(absl::Seconds(20));
  ASSERT_TRUE(core_->Fail(first).ok());
  EXPECT_EQ(core_->StudyOf(study).counts.training_seconds, 20);
  const Token second = TokenOf(core_->Lease(study, "c1"));
  core_->Advance(absl::Seconds(10));
  ASSERT_TRUE(core_->Complete(second, 1).ok());
  ExpectCompleted(study, CompletionReason::kBudgetSpent,
                  "max_training_seconds: 30 of 30");
}

// --- max_seconds ------------------------------------------------------------

TEST_F(BudgetTest, MaxSecondsTellsRunningTrialsToStopThenEndsTheStudy) {
  const StudyId study = Create({.max_seconds = 60});
  core_->Advance(absl::Hours(1));  // Counts from the first lease.
  const Token token = TokenOf(core_->Lease(study, "c1"));
  core_->Advance(absl::Seconds(59));
  core_->dispatcher.CheckDeadlines();
  core_->Settle();
  EXPECT_FALSE(core_->recorder.Heartbeat(token)->should_stop);
  core_->Advance(absl::Seconds(1));
  core_->dispatcher.CheckDeadlines();
  core_->Settle();
  EXPECT_TRUE(core_->recorder.Heartbeat(token)->should_stop);
  ExpectNothingNow(study, "max_seconds: 60 of 60");
  ExpectActive(study);
  EXPECT_EQ(core_->Complete(token, 1)->state, TrialState::kStopped);
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_seconds");
}

TEST_F(BudgetTest, MaxSecondsEndsAStudyWhereNothingRuns) {
  const StudyId study = Create({.max_seconds = 60});
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 1).ok());
  core_->Advance(absl::Seconds(60));
  core_->dispatcher.CheckDeadlines();
  ExpectCompleted(study, CompletionReason::kBudgetSpent, "max_seconds");
}

TEST_F(BudgetTest, MaxSecondsDoesNotCountPauses) {
  const StudyId study = Create({.max_seconds = 60});
  const Token token = TokenOf(core_->Lease(study, "c1"));
  core_->Advance(absl::Seconds(30));
  ASSERT_TRUE(core_->Pause(study).ok());
  core_->Advance(absl::Seconds(100));
  ASSERT_TRUE(core_->Resume(study).ok());
  core_->Advance(absl::Seconds(29));
  core_->dispatcher.CheckDeadlines();
  core_->Settle();
  EXPECT_FALSE(core_->recorder.Heartbeat(token)->should_stop);
  core_->Advance(absl::Seconds(1));
  core_->dispatcher.CheckDeadlines();
  core_->Settle();
  EXPECT_TRUE(core_->recorder.Heartbeat(token)->should_stop);
}

TEST_F(BudgetTest, RaisingMaxSecondsDoesNotCountTheTimeItLayCompleted) {
  const StudyId study = Create({.max_seconds = 60});
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 1).ok());
  core_->Advance(absl::Seconds(60));
  core_->dispatcher.CheckDeadlines();
  core_->Settle();
  core_->Advance(absl::Hours(9));
  ASSERT_TRUE(core_->SetBudget(study, {.max_seconds = 90}).ok());
  ExpectActive(study);
  EXPECT_EQ(SecondsUsed(core_->StudyOf(study), clock_.Now()), 60);
}

// --- max_failed, target -----------------------------------------------------

TEST_F(BudgetTest, MaxFailedEndsTheStudyAsTooManyFailures) {
  const StudyId study = Create({.max_failed = 2});
  for (int i = 0; i < 2; ++i) {
    ExpectActive(study);
    const Token token = TokenOf(core_->Lease(study, "c"));
    ASSERT_TRUE(core_->Finish({.token = token, .end = End::kFatal}).ok());
  }
  ExpectCompleted(study, CompletionReason::kTooManyFailures, "max_failed: 2");
}

TEST_F(BudgetTest, AFailedAttemptThatIsTriedAgainIsNoFailedTrial) {
  const StudyId study = Create({.max_failed = 1});
  ASSERT_TRUE(core_->Fail(TokenOf(core_->Lease(study, "c"))).ok());
  ExpectActive(study);
}

TEST_F(BudgetTest, TargetReachedCompletesAtOnceAndTellsTheOthersToStop) {
  const StudyId study = Create({.target = 0.5});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  const Token second = TokenOf(core_->Lease(study, "c2"));
  ASSERT_TRUE(core_->Complete(first, 0.4).ok());
  ExpectCompleted(study, CompletionReason::kTargetReached, "loss 0.4");
  EXPECT_TRUE(core_->recorder.Heartbeat(second)->should_stop);
  EXPECT_EQ(core_->Complete(second, 0.3)->state, TrialState::kStopped);
}

TEST_F(BudgetTest, AStoppedTrialReachesNoTarget) {
  const StudyId study = Create({.target = 0.5});
  const Token token = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->StopTrial(token.trial).ok());
  ASSERT_EQ(core_->Complete(token, 0.4)->state, TrialState::kStopped);
  ExpectActive(study);
}

TEST_F(BudgetTest, ATargetThatIsStillReachedKeepsTheStudyCompleted) {
  const StudyId study = Create({.target = 0.5});
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 0.4).ok());
  core_->Settle();
  ASSERT_TRUE(core_->SetBudget(study, {.max_parallel = 4, .target = 0.5}).ok());
  ExpectCompleted(study, CompletionReason::kTargetReached, "target");
}

TEST_F(BudgetTest, AHarderTargetReopensTheStudy) {
  const StudyId study = Create({.target = 0.5});
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 0.4).ok());
  core_->Settle();
  ASSERT_TRUE(core_->SetBudget(study, {.target = 0.1}).ok());
  ExpectActive(study);
}

// --- Space ------------------------------------------------------------------

TEST_F(BudgetTest, AUsedUpSpaceEndsTheStudyWithItsLastRunningTrial) {
  const StudyId study = Create({}, /*points=*/2);
  const Token first = TokenOf(core_->Lease(study, "c1"));
  const Token second = TokenOf(core_->Lease(study, "c2"));
  core_->Settle();
  ExpectNothingNow(study, "every configuration was tried; 2 still run");
  ASSERT_TRUE(core_->Complete(first, 1).ok());
  ExpectActive(study);
  ASSERT_TRUE(core_->Complete(second, 1).ok());
  ExpectCompleted(study, CompletionReason::kSpaceExhausted, "2 trials");
  EXPECT_THAT(core_->Suggest(study, "c3"),
              Fails(StatusCode::kOutOfRange, "SPACE_EXHAUSTED"));
}

TEST_F(BudgetTest, AUsedUpSpaceStillRunsWhatWasQueuedAgain) {
  const StudyId study = Create({}, /*points=*/1);
  const Token first = TokenOf(core_->Lease(study, "c1"));
  core_->Settle();
  ASSERT_EQ(core_->Fail(first)->state, TrialState::kPending);
  ExpectActive(study);
  const Token second = TokenOf(core_->Lease(study, "c1"));
  EXPECT_EQ(second.trial, first.trial);
  ASSERT_TRUE(core_->Complete(second, 1).ok());
  ExpectCompleted(study, CompletionReason::kSpaceExhausted, "tried");
}

TEST_F(BudgetTest, AUsedUpSpaceIsNotReopenedByABudget) {
  const StudyId study = Create({}, /*points=*/1);
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 1).ok());
  ExpectCompleted(study, CompletionReason::kSpaceExhausted, "tried");
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 9}).ok());
  ExpectCompleted(study, CompletionReason::kSpaceExhausted, "tried");
}

// --- Numbers ----------------------------------------------------------------

TEST_F(BudgetTest, TrialsAreNumberedWithoutGapsAlsoAfterFailedCommits) {
  const StudyId study = Create({});
  int calls = 0;
  core_->storage.FailWhen([&calls] { return ++calls % 2 == 0; });
  for (int i = 0; i < 10; ++i) {
    core_->Enqueue(study, X(50 + i)).status().IgnoreError();
  }
  core_->storage.FailWhen(nullptr);
  const std::vector<Trial> trials = core_->TrialsOf(study);
  ASSERT_THAT(trials, SizeIs(5));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(trials[i].number, i);
  EXPECT_EQ(core_->StudyOf(study).counts.trials, 5);
  EXPECT_EQ(core_->StudyOf(study).counts.pending, 5);
}

TEST_F(BudgetTest, CountsFollowEachState) {
  const StudyId study = Create({});
  const auto next = [&] { return TokenOf(core_->Lease(study, "c")); };
  ASSERT_TRUE(core_->Complete(next(), 1).ok());
  ASSERT_TRUE(core_->Finish({.token = next(), .end = End::kFatal}).ok());
  ASSERT_TRUE(core_->Finish({.token = next(), .end = End::kInfeasible}).ok());
  ASSERT_TRUE(core_->Finish({.token = next(), .end = End::kStopped}).ok());
  next();
  ASSERT_TRUE(core_->Enqueue(study, X(90)).ok());
  const StudyCounts counts = core_->StudyOf(study).counts;
  EXPECT_EQ(counts.trials, 6);
  EXPECT_EQ(counts.completed, 1);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.infeasible, 1);
  EXPECT_EQ(counts.stopped, 1);
  EXPECT_EQ(counts.running, 1);
  EXPECT_EQ(counts.pending, 1);
  EXPECT_EQ(counts.configurations, 4);
}

}  // namespace
}  // namespace assay
