// What a new process makes of the storage of the one before.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "search/factory.h"
#include "storage/sqlite_storage.h"
#include "tests/server/server_fixture.h"
#include "tests/support/proposal_replay.h"

namespace assay {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using absl::StatusCode;

TEST_F(RestartTest, ARunningAttemptGetsAFreshLease) {
  const StudyId study = core_->Create(GridSpec("a", 10));
  const Token token = TokenOf(core_->Lease(study, "c1"));
  clock_.Advance(absl::Minutes(9));
  Restart();
  EXPECT_EQ(core_->leases.RunningOf(study), 1);
  EXPECT_EQ(core_->leases.RunningOf("local"), 1);
  core_->Advance(absl::Minutes(9));
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kRunning);
  EXPECT_TRUE(core_->Complete(token, 1).ok());
}

TEST_F(RestartTest, ALeaseOfADeadHolderRunsOutAfterIt) {
  const StudyId study = core_->Create(GridSpec("a", 10));
  const Token token = TokenOf(core_->Lease(study, "c1"));
  Restart();
  core_->Advance(absl::Minutes(10));
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kPending);
}

TEST_F(RestartTest, ARecordedStopIsToldAgain) {
  const StudyId study = core_->Create(GridSpec("a", 10));
  const Token token = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->StopTrial(token.trial, "enough").ok());
  Restart();
  EXPECT_TRUE(core_->recorder.Heartbeat(token)->should_stop);
}

TEST_F(RestartTest, RepeatedRequestsGetTheSameAnswers) {
  const StudySpec spec = GridSpec("a", 10);
  const std::string text = codec_.Add(spec);
  const StudyId study = core_->Create(spec, text)->study.id;
  const Token token = TokenOf(core_->Lease(study, "c1"));
  const Measurement measurement = {
      .sequence = 1, .step = 1, .metrics = {{"loss", 0.1}}};
  ASSERT_TRUE(core_->Report(token, measurement).ok());
  ASSERT_TRUE(core_->Complete(token, 0.1).ok());
  const TrialId queued = core_->Enqueue(study, X(5), "r1")->id;
  const int64_t revision = core_->StudyOf(study).revision;
  Restart();
  EXPECT_EQ(core_->Create(spec, text)->study.id, study);
  EXPECT_TRUE(core_->Report(token, measurement).ok());
  EXPECT_TRUE(core_->Complete(token, 0.1).ok());
  EXPECT_EQ(core_->Enqueue(study, X(5), "r1")->id, queued);
  EXPECT_EQ(core_->StudyOf(study).revision, revision);
}

TEST_F(RestartTest, StatesEditsAndDeadlinesSurvive) {
  const StudyId paused = core_->Create(GridSpec("paused", 10));
  ASSERT_TRUE(core_->Pause(paused).ok());
  StudySpec spec = GridSpec("timed", 10);
  spec.budget.max_seconds = 60;
  const StudyId timed = core_->Create(spec);
  ASSERT_TRUE(core_->Update(timed, {.note = "hm"}).ok());
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(timed, "c")), 1).ok());
  Restart();
  EXPECT_THAT(core_->Suggest(paused, "c"),
              HasCode(StatusCode::kFailedPrecondition));
  EXPECT_EQ(core_->studies.Get(timed)->spec->note, "hm");
  core_->Advance(absl::Seconds(60));
  core_->dispatcher.CheckDeadlines();
  core_->Settle();
  EXPECT_EQ(core_->StudyOf(timed).state, StudyState::kCompleted);
}

TEST_F(RestartTest, WatchersOfTheNewProcessHearOfWhatTheyMissed) {
  const StudyId study = core_->Create(SpaceFreeSpec("a"));
  ASSERT_TRUE(core_->Enqueue(study, X(1)).ok());
  Restart();
  Later<bool> heard;
  EXPECT_EQ(
      core_->feed.Await(
          study, 1, [called = heard.Callback()]() mutable { called(true); }),
      0);
  EXPECT_TRUE(heard.is_there());
}

TEST_F(RestartTest, TheMedianRuleKnowsTheCurvesOfBefore) {
  StudySpec spec = GridSpec("a", 10);
  spec.stopping.rules = {{.name = "median", .min_trials = 2}};
  const StudyId study = core_->Create(spec);
  for (int i = 0; i < 2; ++i) {
    const Token good = TokenOf(core_->Lease(study, "c1"));
    ASSERT_TRUE(
        core_->Report(good, {.step = 1, .metrics = {{"loss", 0.1}}}).ok());
    ASSERT_TRUE(core_->Finish({.token = good}).ok());
  }
  Restart();
  const Token bad = TokenOf(core_->Lease(study, "c1"));
  EXPECT_TRUE(
      core_->Report(bad, {.step = 1, .metrics = {{"loss", 0.9}}})->should_stop);
}

// --- Proposals --------------------------------------------------------------

class ProposalsAfterRestartTest
    : public RestartTest,
      public testing::WithParamInterface<std::string> {
 protected:
  StudySpec Spec(const std::string& name) {
    StudySpec spec = GridSpec(name, 1);
    spec.algorithm.name = GetParam();
    spec.space =
        SearchSpace::Create(
            {{.name = "x", .domain = IntegerDomain{.min = 0, .max = 9}},
             {.name = "y", .domain = IntegerDomain{.min = 0, .max = 9}}})
            .value();
    return spec;
  }

  std::vector<Parameters> ParametersOf(StudyId study) {
    std::vector<Parameters> parameters;
    for (const Trial& trial : core_->TrialsOf(study)) {
      parameters.push_back(trial.parameters);
    }
    return parameters;
  }
};

TEST_P(ProposalsAfterRestartTest, GoOnAsIfNothingHadHappened) {
  const StudyId undisturbed = core_->Create(Spec("undisturbed"));
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(
        core_->Complete(TokenOf(core_->Lease(undisturbed, "c")), i).ok());
  }
  const StudyId study = core_->Create(Spec("disturbed"));
  for (int round = 0; round < 8; ++round) {
    // Five a round, of which the clients c3 and c4 hold theirs for longer.
    for (int i = 0; i < 5; ++i) {
      const Token token =
          TokenOf(core_->Lease(study, absl::StrCat("c", i, "-", round)));
      if (i < 3) {
        ASSERT_TRUE(core_->Complete(token, i).ok());
      }
    }
    Restart();
  }
  EXPECT_THAT(ParametersOf(study), ElementsAreArray(ParametersOf(undisturbed)));
}

INSTANTIATE_TEST_SUITE_P(Strategies, ProposalsAfterRestartTest,
                         testing::Values("grid", "random", "quasi_random"));

TEST_F(RestartTest, AUsedUpSpaceIsUsedUpInTheNewProcess) {
  const StudyId study = core_->Create(GridSpec("a", 2));
  const Token first = TokenOf(core_->Lease(study, "c1"));
  const Token second = TokenOf(core_->Lease(study, "c2"));
  Restart();
  ASSERT_TRUE(core_->Complete(first, 1).ok());
  ASSERT_TRUE(core_->Complete(second, 1).ok());
  EXPECT_THAT(core_->Suggest(study, "c3"), HasCode(StatusCode::kOutOfRange));
  core_->Settle();
  EXPECT_EQ(core_->StudyOf(study).completion,
            CompletionReason::kSpaceExhausted);
}

TEST_F(RestartTest, AReopenedStudyReplaysItsLog) {
  StudySpec spec = GridSpec("a", 10);
  spec.budget.max_trials = 2;
  const StudyId study = core_->Create(spec);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 1).ok());
  }
  Restart();
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 3}).ok());
  EXPECT_EQ(XOf(core_->Lease(study, "c").trial), 2);
}

TEST_F(RestartTest, AnEditedBudgetChangesNoProposal) {
  StudySpec spec = GridSpec("a", 1000);
  spec.algorithm.name = "tpe";
  spec.budget.max_parallel = 3;  // As many start points.
  const StudyId study = core_->Create(spec);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), i).ok());
  }
  ASSERT_TRUE(core_->SetBudget(study, {.max_parallel = 9}).ok());
  Restart();
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(study, "c")), 4).ok());
  const std::vector<Trial> log = core_->TrialsOf(study);
  ProposalReplay replay(log, core_->StudyOf(study).seed, [&] {
    spec.seed = core_->StudyOf(study).seed;
    return MakeSearchStrategy(spec);
  });
  for (const Trial& trial : log) {
    const auto proposal = replay.Propose(trial);
    ASSERT_TRUE(proposal.ok()) << proposal.status();
    EXPECT_EQ(proposal->parameters, trial.parameters) << trial.number;
    EXPECT_EQ(proposal->origin.why, trial.origin.why);
  }
}

// A proposal is computed beside the write that enqueues the same point, on
// another thread: it must not come a second time.
TEST_F(RestartTest, ARefillBesideAnEnqueueProposesNoPointTwice) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  core_->Lease(study, "c0");  // Point 0.
  core_->Settle();
  const auto runner = core_->studies.RunnerIfAny(study);
  core_->storage.BeforeNextCommit([&] {
    // More are wanted just now; the log does not show the new trial yet.
    runner->WhenReady(100, [] {});
    core_->pool.WaitUntilIdle();
  });
  ASSERT_TRUE(core_->Enqueue(study, X(1)).ok());
  core_->Settle();
  EXPECT_EQ(XOf(core_->Lease(study, "c1").trial), 1);
  EXPECT_EQ(XOf(core_->Lease(study, "c2").trial), 2);
  core_->Settle();
  EXPECT_THAT(core_->Suggest(study, "c3")->handouts, IsEmpty());
  EXPECT_THAT(core_->TrialsOf(study), SizeIs(3));
}

}  // namespace
}  // namespace assay
