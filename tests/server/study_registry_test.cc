#include "server/study_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "search/base/status_macros.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using absl::StatusCode;

class StudyRegistryTest : public CoreTest {
 protected:
  SpecRevision Revision(StudyId study, int64_t number) {
    SpecRevision revision;
    const absl::Status status =
        rows_->Read([&](Snapshot& rows) -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(revision, rows.GetSpec(study, number));
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return revision;
  }
};

// --- Create -----------------------------------------------------------------

TEST_F(StudyRegistryTest, CreateGivesAnActiveStudyWithTheSeedAsGiven) {
  StudySpec spec = GridSpec("a", 3);
  spec.seed = 42;
  const auto view = core_->Create(spec, codec_.Add(spec));
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->study.state, StudyState::kActive);
  EXPECT_EQ(view->study.seed, 42u);
  EXPECT_EQ(view->spec->seed, 42u);
  EXPECT_EQ(view->study.created, clock_.Now());
  EXPECT_EQ(view->study.revision, 1);
}

TEST_F(StudyRegistryTest, CreateDrawsASeedThatJsonHoldsExactly) {
  for (const char* name : {"a", "b", "c"}) {
    Later<absl::StatusOr<StudyView>> view;
    const StudySpec spec = GridSpec(name, 3);
    core_->studies.Create(spec, codec_.Add(spec), std::nullopt,
                          view.Callback());
    ASSERT_TRUE(view.Get().ok());
    EXPECT_LT(view.Get()->study.seed, uint64_t{1} << 53);
    EXPECT_EQ(view.Get()->spec->seed, view.Get()->study.seed);
  }
}

TEST_F(StudyRegistryTest, CreateAgainWithTheSameSpecReturnsTheStudy) {
  const StudySpec spec = GridSpec("a", 3);
  const std::string text = codec_.Add(spec);
  const auto first = core_->Create(spec, text);
  const auto second = core_->Create(spec, text);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->study.id, first->study.id);
  EXPECT_EQ(second->study.revision, first->study.revision);
}

TEST_F(StudyRegistryTest, CreateAgainComparesWithTheSpecAsFirstSubmitted) {
  const StudySpec spec = GridSpec("a", 3);
  const std::string text = codec_.Add(spec);
  const auto first = core_->Create(spec, text);
  ASSERT_TRUE(core_->SetBudget(first->study.id, {.max_trials = 2}).ok());
  const auto second = core_->Create(spec, text);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->study.id, first->study.id);
  EXPECT_EQ(second->spec->budget.max_trials, 2);  // As edited.
}

TEST_F(StudyRegistryTest, CreateWithAnotherSpecIsRefused) {
  core_->Create(GridSpec("a", 3));
  const StudySpec other = GridSpec("a", 4);
  EXPECT_THAT(core_->Create(other, codec_.Add(other)),
              Fails(StatusCode::kAlreadyExists, "\"local/a\""));
}

TEST_F(StudyRegistryTest, OwnersHaveNamesOfTheirOwn) {
  StudySpec spec = GridSpec("a", 3);
  const StudyId local = core_->Create(spec);
  spec.owner = "ann";
  const StudyId anns = core_->Create(spec);
  EXPECT_NE(local, anns);
  EXPECT_EQ(core_->studies.Resolve("a").value(), local);
  EXPECT_EQ(core_->studies.Resolve("ann/a").value(), anns);
}

// --- Resolve, Get, List -----------------------------------------------------

TEST_F(StudyRegistryTest, ResolveFindsByIdAndName) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  EXPECT_EQ(core_->studies.Resolve(std::to_string(study.value)).value(), study);
  EXPECT_EQ(core_->studies.Resolve("local/a").value(), study);
  EXPECT_THAT(core_->studies.Resolve("b"),
              Fails(StatusCode::kNotFound, "\"b\""));
  EXPECT_THAT(core_->studies.Resolve("bob/a"),
              Fails(StatusCode::kNotFound, "\"bob/a\""));
  EXPECT_THAT(core_->studies.Resolve(""),
              Fails(StatusCode::kInvalidArgument, "study"));
  EXPECT_THAT(core_->studies.Resolve("99999999999999999999"),
              HasCode(StatusCode::kNotFound));
}

TEST_F(StudyRegistryTest, GetOfNothingIsNotFound) {
  EXPECT_THAT(core_->studies.Get(StudyId{99}),
              Fails(StatusCode::kNotFound, "99"));
}

TEST_F(StudyRegistryTest, ListGoesOnAfterAnId) {
  const StudyId a = core_->Create(GridSpec("a", 3));
  const StudyId b = core_->Create(GridSpec("b", 3));
  const StudyId c = core_->Create(GridSpec("c", 3));
  const auto first = core_->studies.List(StudyId{}, 2);
  ASSERT_THAT(first.value(), SizeIs(2));
  EXPECT_EQ(first->front().study.id, a);
  EXPECT_EQ(first->back().study.id, b);
  const auto second = core_->studies.List(b, 2);
  ASSERT_THAT(second.value(), SizeIs(1));
  EXPECT_EQ(second->front().study.id, c);
}

// --- Update -----------------------------------------------------------------

TEST_F(StudyRegistryTest, UpdateAddsASpecRevisionWithTimeAndAuthor) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  clock_.Advance(absl::Seconds(5));
  const auto view = core_->Update(
      study, {.budget = Budget{.max_trials = 2}, .priority = 3, .note = "hm"});
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->study.spec_revision, 2);
  EXPECT_EQ(view->spec->budget.max_trials, 2);
  EXPECT_EQ(view->spec->priority, 3);
  EXPECT_EQ(view->spec->note, "hm");
  EXPECT_EQ(view->spec->seed, 7u);
  const SpecRevision revision = Revision(study, 2);
  EXPECT_EQ(revision.author, "ann");
  EXPECT_EQ(revision.time, clock_.Now());
  EXPECT_EQ(Revision(study, 1).time, clock_.Now() - absl::Seconds(5));
}

TEST_F(StudyRegistryTest, UpdateLeavesWhatIsNotNamed) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 2}).ok());
  const auto view = core_->Update(study, {.note = "hm"});
  EXPECT_EQ(view->spec->budget.max_trials, 2);
  EXPECT_EQ(view->study.spec_revision, 3);
}

TEST_F(StudyRegistryTest, ATrialNamesTheSpecRevisionThatItSaw) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Handout before = core_->Lease(study, "c1");
  ASSERT_TRUE(core_->Update(study, {.note = "hm"}).ok());
  const Handout after = core_->Lease(study, "c2");
  EXPECT_EQ(before.trial.spec_revision, 1);
  EXPECT_EQ(after.trial.spec_revision, 2);
  EXPECT_EQ(after.spec->note, "hm");
}

TEST_F(StudyRegistryTest, UpdateWithTheSameRequestIdChangesNothingTwice) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  ASSERT_TRUE(core_->Update(study, {.note = "1"}, "r1", "1").ok());
  const auto again = core_->Update(study, {.note = "1"}, "r1", "1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->study.spec_revision, 2);
}

TEST_F(StudyRegistryTest, ARequestIdUsedForOtherContentIsRefused) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  ASSERT_TRUE(core_->Update(study, {.note = "1"}, "r1", "1").ok());
  EXPECT_THAT(core_->Update(study, {.note = "2"}, "r1", "2"),
              Fails(StatusCode::kFailedPrecondition, "\"r1\""));
  EXPECT_EQ(core_->StudyOf(study).spec_revision, 2);
}

TEST_F(StudyRegistryTest, ARequestIdOfAnotherMethodIsRefused) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  ASSERT_TRUE(core_->Update(study, {.note = "1"}, "r1", "1").ok());
  EXPECT_THAT(core_->Enqueue(study, X(1), "r1"),
              HasCode(StatusCode::kFailedPrecondition));
}

TEST_F(StudyRegistryTest, AFailedUpdateLeavesTheSpecInForce) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  core_->storage.FailWhen([] { return true; });
  EXPECT_THAT(core_->Update(study, {.note = "lost"}),
              HasCode(StatusCode::kUnavailable));
  core_->storage.FailWhen(nullptr);
  EXPECT_EQ(core_->studies.Get(study)->spec->note, "");
  EXPECT_EQ(core_->Update(study, {.note = "kept"})->study.spec_revision, 2);
  EXPECT_EQ(core_->studies.Get(study)->spec->note, "kept");
}

// A Create that returns the study reads what its group wrote before it, which
// may never be committed.
TEST_F(StudyRegistryTest, ASpecThatWasNeverCommittedIsNotRemembered) {
  const StudySpec spec = GridSpec("a", 3);
  const std::string text = codec_.Add(spec);
  const StudyId study = core_->Create(spec, text)->study.id;
  core_->Settle();
  core_->storage.Hold();
  Later<absl::StatusOr<StudyView>> update, create;
  core_->studies.Update(study, {.note = "lost"}, "ann", "", "",
                        update.Callback());
  core_->studies.Create(spec, text, 7, create.Callback());
  core_->storage.FailTogether();
  EXPECT_FALSE(update.Get().ok());
  EXPECT_FALSE(create.Get().ok());
  EXPECT_EQ(core_->studies.KnownSpec(study)->note, "");
  EXPECT_EQ(core_->studies.Get(study)->spec->note, "");
  ASSERT_TRUE(core_->Update(study, {.priority = 1}).ok());
  EXPECT_EQ(core_->studies.Get(study)->spec->note, "");
}

// --- Pause, Resume, Stop, Delete --------------------------------------------

TEST_F(StudyRegistryTest, PauseAndResumeAnswerTheSameAgain) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  EXPECT_EQ(core_->Pause(study)->study.state, StudyState::kPaused);
  const int64_t revision = core_->StudyOf(study).revision;
  EXPECT_EQ(core_->Pause(study)->study.state, StudyState::kPaused);
  EXPECT_EQ(core_->StudyOf(study).revision, revision);
  EXPECT_EQ(core_->Resume(study)->study.state, StudyState::kActive);
  EXPECT_EQ(core_->Resume(study)->study.state, StudyState::kActive);
  EXPECT_EQ(core_->StudyOf(study).revision, revision + 1);
}

TEST_F(StudyRegistryTest, PausedHandsNothingOutButTakesReports) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Handout running = core_->Lease(study, "c1");
  ASSERT_TRUE(core_->Enqueue(study, X(2)).ok());
  ASSERT_TRUE(core_->Pause(study).ok());
  EXPECT_THAT(core_->Suggest(study, "c2"),
              Fails(StatusCode::kFailedPrecondition, "PAUSED"));
  EXPECT_TRUE(
      core_->Report(TokenOf(running), {.step = 1, .metrics = {{"loss", 1}}})
          .ok());
  EXPECT_EQ(core_->Complete(TokenOf(running), 1)->state,
            TrialState::kCompleted);
}

TEST_F(StudyRegistryTest, PausedStillGivesAClientItsOwnRunningTrials) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Handout running = core_->Lease(study, "c1");
  ASSERT_TRUE(core_->Pause(study).ok());
  EXPECT_EQ(TokenOf(core_->Lease(study, "c1")), TokenOf(running));
}

TEST_F(StudyRegistryTest, StopEndsTheQueueTellsTheRunningAndCompletesAtOnce) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Handout running = core_->Lease(study, "c1");
  const TrialId waiting = core_->Enqueue(study, X(2))->id;
  const auto stopped = core_->Stop(study);
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(stopped->study.state, StudyState::kCompleted);
  EXPECT_EQ(stopped->study.completion, CompletionReason::kStoppedByUser);
  EXPECT_EQ(core_->TrialOf(waiting).state, TrialState::kStopped);
  EXPECT_EQ(core_->TrialOf(running.trial.id).state, TrialState::kRunning);
  EXPECT_THAT(core_->AttemptOf(TokenOf(running)).stop_reason,
              HasSubstr("stopped by a user"));
  const auto advice = core_->recorder.Heartbeat(TokenOf(running));
  ASSERT_TRUE(advice.ok()) << advice.status();
  EXPECT_TRUE(advice->should_stop);
}

TEST_F(StudyRegistryTest, StopTakesTheResultsOfThoseItTold) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Handout running = core_->Lease(study, "c1");
  ASSERT_TRUE(core_->Stop(study).ok());
  EXPECT_TRUE(
      core_->Report(TokenOf(running), {.step = 4, .metrics = {{"loss", 2}}})
          .ok());
  const auto ended = core_->Fail(TokenOf(running));
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state, TrialState::kStopped);
  EXPECT_EQ(ended->final_metrics.at("loss"), 2);
}

TEST_F(StudyRegistryTest, StopAgainIsOkAndOfACompletedStudyRefused) {
  const StudyId stopped = core_->Create(GridSpec("a", 3));
  ASSERT_TRUE(core_->Stop(stopped).ok());
  EXPECT_TRUE(core_->Stop(stopped).ok());
  StudySpec spec = GridSpec("b", 3);
  spec.budget.max_trials = 1;
  const StudyId spent = core_->Create(spec);
  ASSERT_TRUE(core_->Complete(TokenOf(core_->Lease(spent, "c")), 1).ok());
  EXPECT_THAT(core_->Stop(spent),
              Fails(StatusCode::kFailedPrecondition, "COMPLETED"));
}

TEST_F(StudyRegistryTest, StopOfAPausedStudyEndsIt) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  ASSERT_TRUE(core_->Pause(study).ok());
  EXPECT_EQ(core_->Stop(study)->study.state, StudyState::kCompleted);
  EXPECT_THAT(core_->Resume(study), HasCode(StatusCode::kFailedPrecondition));
}

TEST_F(StudyRegistryTest, DeletedIsNotFoundAndItsNameIsFree) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  ASSERT_TRUE(core_->Delete(study).ok());
  EXPECT_THAT(core_->studies.Get(study), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(core_->studies.Resolve("a"), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(core_->Suggest(study, "c"), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(core_->Delete(study), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(core_->studies.List(StudyId{}, 10).value(), IsEmpty());
  const StudyId next = core_->Create(GridSpec("a", 4));
  EXPECT_GT(next, study);
  EXPECT_EQ(core_->studies.Resolve("a").value(), next);
}

// What runs in a deleted study has to end as elsewhere: its slot and its lease
// would be taken for ever.
TEST_F(StudyRegistryTest, WhatRunsInADeletedStudyIsToldToStopAndEnds) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Token token = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Delete(study).ok());
  EXPECT_TRUE(core_->recorder.Heartbeat(token)->should_stop);
  const auto ended = core_->Complete(token, 1);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state, TrialState::kStopped);
  EXPECT_EQ(core_->leases.RunningOf("local"), 0);
}

TEST_F(StudyRegistryTest, TheLeaseOfADeletedStudysTrialRunsOut) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Token token = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Delete(study).ok());
  core_->Advance(absl::Minutes(11));
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  EXPECT_THAT(core_->leases.Expired(), IsEmpty());
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kStopped);
}

TEST_F(StudyRegistryTest, ATrialOfADeletedStudyCannotBeEdited) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Token token = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  ASSERT_TRUE(core_->Delete(study).ok());
  EXPECT_THAT(core_->Retry(token.trial), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(core_->StopTrial(token.trial), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(core_->Enqueue(study, X(1)), HasCode(StatusCode::kNotFound));
}

// --- Revisions and who follows them -----------------------------------------

TEST_F(StudyRegistryTest, EachChangeHasARevisionWithoutGaps) {
  const StudyId study = core_->Create(SpaceFreeSpec("a"));  // 1
  ASSERT_TRUE(core_->Enqueue(study, X(1)).ok());            // 2
  const Token token = TokenOf(core_->Lease(study, "c1"));   // 3
  ASSERT_TRUE(
      core_->Report(token, {.step = 1, .metrics = {{"loss", 1}}}).ok());  // 4
  ASSERT_TRUE(core_->Complete(token, 1).ok());                            // 5
  EXPECT_EQ(core_->StudyOf(study).revision, 5);
  const Trial trial = core_->TrialOf(token.trial);
  EXPECT_EQ(trial.created_revision, 2);
  EXPECT_EQ(trial.ended_revision, 5);
}

TEST_F(StudyRegistryTest, HeartbeatsHaveNoRevision) {
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Token token = TokenOf(core_->Lease(study, "c1"));
  const int64_t before = core_->StudyOf(study).revision;
  ASSERT_TRUE(core_->recorder.Heartbeat(token).ok());
  core_->Settle();
  EXPECT_EQ(core_->StudyOf(study).revision, before);
}

TEST_F(StudyRegistryTest, WatchersHearOfACommittedChange) {
  const StudyId study = core_->Create(SpaceFreeSpec("a"));
  Later<int64_t> seen;
  core_->feed.Await(study, 1, [&, called = seen.Callback()]() mutable {
    called(core_->StudyOf(study).revision);
  });
  ASSERT_TRUE(core_->Enqueue(study, X(1)).ok());
  EXPECT_EQ(seen.Get(), 2);
}

TEST_F(StudyRegistryTest, WatchersHearNothingOfAFailedCommit) {
  const StudyId study = core_->Create(SpaceFreeSpec("a"));
  Later<bool> heard;
  core_->feed.Await(study, 1,
                    [called = heard.Callback()]() mutable { called(true); });
  core_->storage.FailWhen([] { return true; });
  EXPECT_FALSE(core_->Enqueue(study, X(1)).ok());
  core_->Settle();
  EXPECT_FALSE(heard.is_there());
}

TEST_F(StudyRegistryTest, ObserversHearWhatStartedEndedAndStopped) {
  struct Notes : StudyObserver {
    void Changed(const StudyChange& change) override {
      MutexLock lock(mutex);
      started += static_cast<int>(change.started.size());
      ended += static_cast<int>(change.ended.size());
      ended_trials += static_cast<int>(change.ended_trials.size());
      stops += static_cast<int>(change.stops.size());
    }
    Mutex mutex;
    int started = 0, ended = 0, ended_trials = 0, stops = 0;
  } notes;
  core_->studies.AddObserver(notes);
  const StudyId study = core_->Create(GridSpec("a", 3));
  const Token token = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->StopTrial(token.trial).ok());
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  core_->Settle();
  MutexLock lock(notes.mutex);
  EXPECT_EQ(notes.started, 1);
  EXPECT_EQ(notes.stops, 1);
  EXPECT_EQ(notes.ended, 1);
  EXPECT_EQ(notes.ended_trials, 1);
}

// --- Hints ------------------------------------------------------------------

TEST_F(StudyRegistryTest, CandidatesAreActiveStudiesThatWorkersRun) {
  core_->Create(GridSpec("clients", 3));
  const StudyId workers = core_->Create(WorkerSpec("local", "workers"));
  const StudyId paused = core_->Create(WorkerSpec("local", "paused"));
  ASSERT_TRUE(core_->Pause(paused).ok());
  const auto candidates = core_->studies.Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].id, workers);
}

TEST_F(StudyRegistryTest, AStudyThatIsOverKeepsNoRunner) {
  StudySpec spec = GridSpec("a", 3);
  spec.budget.max_trials = 1;
  const StudyId study = core_->Create(spec);
  const Token token = TokenOf(core_->Lease(study, "c"));
  EXPECT_NE(core_->studies.RunnerIfAny(study), nullptr);
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  core_->Settle();
  EXPECT_EQ(core_->studies.RunnerIfAny(study), nullptr);
  EXPECT_EQ(core_->studies.KnownState(study), StudyState::kCompleted);
}

}  // namespace
}  // namespace assay
