#include "server/trial_dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "storage/sqlite_storage.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using absl::StatusCode;

constexpr absl::Duration kWait = absl::Seconds(30);

std::vector<int64_t> XsOf(const Answer& answer) {
  std::vector<int64_t> xs;
  for (const Handout& handout : answer.handouts) {
    xs.push_back(XOf(handout.trial));
  }
  return xs;
}

class TrialDispatcherTest : public CoreTest {
 protected:
  StudyId Create(Budget budget, int points = 100) {
    StudySpec spec = GridSpec("a", points);
    spec.budget = budget;
    return core_->Create(spec);
  }
};

// --- Asking -----------------------------------------------------------------

TEST_F(TrialDispatcherTest, AHandoutCarriesItsAttemptSeedAndSpec) {
  const StudyId study = Create({});
  const Handout handout = core_->Lease(study, "c1");
  EXPECT_EQ(handout.trial.state, TrialState::kRunning);
  EXPECT_EQ(handout.trial.number, 0);
  EXPECT_EQ(handout.attempt.number, 1);
  EXPECT_EQ(handout.attempt.holder, "c1");
  EXPECT_FALSE(handout.attempt.by_worker);
  EXPECT_EQ(handout.attempt.lease, absl::Minutes(10));
  EXPECT_EQ(handout.study_seed, 7u);
  ASSERT_NE(handout.spec, nullptr);
  EXPECT_EQ(handout.spec->name, "a");
  EXPECT_EQ(handout.trial.origin.strategy, "grid");
  EXPECT_EQ(handout.trial.origin.ordinal, 0);
}

TEST_F(TrialDispatcherTest, AClientsOwnRunningTrialsComeFirst) {
  const StudyId study = Create({});
  const Token own = TokenOf(core_->Lease(study, "c1"));
  ASSERT_TRUE(core_->Enqueue(study, X(50)).ok());
  const auto answer = core_->Suggest(study, "c1", 3);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(XsOf(*answer), ElementsAre(0, 50, 1));
  EXPECT_EQ(TokenOf(answer->handouts[0]), own);
}

TEST_F(TrialDispatcherTest, CountIsTheTotalThatTheClientHolds) {
  const StudyId study = Create({});
  ASSERT_THAT(core_->Suggest(study, "c1", 2)->handouts, SizeIs(2));
  ASSERT_THAT(core_->Suggest(study, "c1", 2)->handouts, SizeIs(2));
  EXPECT_EQ(core_->StudyOf(study).counts.running, 2);
  EXPECT_THAT(core_->Suggest(study, "c1", 1)->handouts, SizeIs(1));
  EXPECT_THAT(core_->Suggest(study, "c1", 5)->handouts, SizeIs(5));
  EXPECT_EQ(core_->StudyOf(study).counts.running, 5);
}

TEST_F(TrialDispatcherTest, ClientsGetDifferentTrials) {
  const StudyId study = Create({});
  EXPECT_EQ(XOf(core_->Lease(study, "c1").trial), 0);
  EXPECT_EQ(XOf(core_->Lease(study, "c2").trial), 1);
}

TEST_F(TrialDispatcherTest, AWorkerOfTheSameNameIsNoClient) {
  const StudyId study = Create({});
  ASSERT_THAT(core_->LeaseToWorker(study, "same")->handouts, SizeIs(1));
  EXPECT_EQ(XOf(core_->Lease(study, "same").trial), 1);
  EXPECT_THAT(XsOf(*core_->LeaseToWorker(study, "same")), ElementsAre(2));
}

TEST_F(TrialDispatcherTest, AskingWithoutAStudyIsNotFound) {
  EXPECT_THAT(core_->Suggest(StudyId{99}, "c"), HasCode(StatusCode::kNotFound));
}

TEST_F(TrialDispatcherTest, AStudyWithoutASpaceGivesItsQueueOnly) {
  const StudyId study = core_->Create(SpaceFreeSpec("free"));
  EXPECT_THAT(core_->Suggest(study, "c1"),
              Fails(StatusCode::kFailedPrecondition, "no parameters"));
  ASSERT_TRUE(core_->Enqueue(study, {{"anything", true}}).ok());
  EXPECT_EQ(core_->Lease(study, "c1").trial.parameters,
            (Parameters{{"anything", true}}));
  EXPECT_THAT(core_->Suggest(study, "c2"),
              HasCode(StatusCode::kFailedPrecondition));
}

TEST_F(TrialDispatcherTest, AStrategyThatCannotBeMadeSaysWhy) {
  StudySpec spec = GridSpec("a", 3);
  spec.algorithm.name = "clairvoyance";
  const StudyId study = core_->Create(spec);
  EXPECT_THAT(core_->Suggest(study, "c1"),
              Fails(StatusCode::kInvalidArgument, "clairvoyance"));
}

// --- Parked asks ------------------------------------------------------------

TEST_F(TrialDispatcherTest, ParkedAsksAreWokenOneByOneOldestFirst) {
  const StudyId study = Create({.max_parallel = 1});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  const auto older = core_->Ask(study, "c2", kWait);
  core_->Settle();
  const auto younger = core_->Ask(study, "c3", kWait);
  core_->Settle();
  EXPECT_EQ(core_->dispatcher.parked(), 2);

  ASSERT_TRUE(core_->Complete(first, 1).ok());
  core_->Settle();
  ASSERT_TRUE(older.is_there());
  EXPECT_FALSE(younger.is_there());
  EXPECT_EQ(core_->dispatcher.parked(), 1);

  ASSERT_TRUE(core_->Complete(TokenOf(older.Get()->handouts.at(0)), 1).ok());
  core_->Settle();
  ASSERT_TRUE(younger.is_there());
  EXPECT_THAT(younger.Get()->handouts, SizeIs(1));
  EXPECT_EQ(core_->dispatcher.parked(), 0);
}

TEST_F(TrialDispatcherTest, OneChangeServesAllItCan) {
  const StudyId study = Create({.max_parallel = 0});
  std::vector<Later<absl::StatusOr<Answer>>> asks;
  for (int i = 0; i < 5; ++i) {
    asks.push_back(core_->Ask(study, absl::StrCat("c", i), kWait));
  }
  core_->Settle();
  EXPECT_EQ(core_->dispatcher.parked(), 5);
  ASSERT_TRUE(core_->SetBudget(study, {.max_parallel = 4}).ok());
  core_->Settle();
  EXPECT_EQ(core_->dispatcher.parked(), 1);
  EXPECT_EQ(core_->StudyOf(study).counts.running, 4);
}

TEST_F(TrialDispatcherTest, TheDeadlineAnswersWithTheReasonOfThatMoment) {
  const StudyId study = Create({.max_parallel = 1});
  core_->Lease(study, "c1");
  const auto answer = core_->Ask(study, "c2", kWait);
  core_->Settle();
  core_->Advance(kWait - absl::Seconds(1));
  EXPECT_FALSE(answer.is_there());
  core_->Advance(absl::Seconds(1));
  ASSERT_TRUE(answer.is_there());
  ASSERT_TRUE(answer.Get().ok()) << answer.Get().status();
  EXPECT_THAT(answer.Get()->handouts, IsEmpty());
  EXPECT_EQ(answer.Get()->reason, "max_parallel: 1 of 1 running");
  EXPECT_GT(answer.Get()->retry_after, absl::ZeroDuration());
  EXPECT_EQ(core_->dispatcher.parked(), 0);
}

TEST_F(TrialDispatcherTest, ParkedAsksAreWokenByTheQueue) {
  const StudyId study = core_->Create(GridSpec("a", 1));
  core_->Lease(study, "c1");
  core_->Settle();
  const auto answer = core_->Ask(study, "c2", kWait);
  core_->Settle();
  EXPECT_FALSE(answer.is_there());
  const TrialId queued = core_->Enqueue(study, X(0))->id;
  core_->Settle();
  ASSERT_TRUE(answer.is_there());
  EXPECT_EQ(answer.Get()->handouts.at(0).trial.id, queued);
}

TEST_F(TrialDispatcherTest, ParkedAsksGetALostTrial) {
  const StudyId study = Create({.max_trials = 1});
  const Token token = TokenOf(core_->Lease(study, "c1"));
  const auto answer = core_->Ask(study, "c2", absl::Hours(1));
  core_->Settle();
  core_->Advance(absl::Minutes(10));
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  ASSERT_TRUE(answer.is_there());
  EXPECT_EQ(TokenOf(answer.Get()->handouts.at(0)), (Token{token.trial, 2}));
}

TEST_F(TrialDispatcherTest, ParkedAsksHearThatTheStudyIsPaused) {
  const StudyId study = Create({.max_parallel = 0});
  const auto answer = core_->Ask(study, "c", kWait);
  core_->Settle();
  ASSERT_TRUE(core_->Pause(study).ok());
  core_->Settle();
  ASSERT_TRUE(answer.is_there());
  EXPECT_THAT(answer.Get(), HasCode(StatusCode::kFailedPrecondition));
}

TEST_F(TrialDispatcherTest, AllParkedAsksHearThatTheStudyIsOver) {
  const StudyId study = Create({.max_parallel = 0});
  const auto first = core_->Ask(study, "c1", kWait);
  const auto second = core_->Ask(study, "c2", kWait);
  core_->Settle();
  ASSERT_TRUE(core_->Stop(study).ok());
  core_->Settle();
  for (const auto& answer : {first, second}) {
    ASSERT_TRUE(answer.is_there());
    EXPECT_THAT(answer.Get(),
                Fails(StatusCode::kOutOfRange, "STOPPED_BY_USER"));
  }
}

TEST_F(TrialDispatcherTest, AllParkedAsksHearThatTheStudyIsGone) {
  const StudyId study = Create({.max_parallel = 0});
  const auto first = core_->Ask(study, "c1", kWait);
  const auto second = core_->Ask(study, "c2", kWait);
  core_->Settle();
  ASSERT_TRUE(core_->Delete(study).ok());
  core_->Settle();
  for (const auto& answer : {first, second}) {
    ASSERT_TRUE(answer.is_there());
    EXPECT_THAT(answer.Get(), HasCode(StatusCode::kNotFound));
  }
}

TEST_F(TrialDispatcherTest, ACancelledAskGetsNothing) {
  const StudyId study = Create({.max_parallel = 1});
  const Token first = TokenOf(core_->Lease(study, "c1"));
  Later<absl::StatusOr<Answer>> answer;
  const int64_t ticket = core_->dispatcher.Suggest(
      {.study = study, .client_id = "c2", .wait = kWait}, answer.Callback());
  core_->Settle();
  core_->dispatcher.Cancel(ticket);
  core_->dispatcher.Cancel(ticket);
  EXPECT_EQ(core_->dispatcher.parked(), 0);
  ASSERT_TRUE(core_->Complete(first, 1).ok());
  core_->Advance(kWait);
  EXPECT_FALSE(answer.is_there());
  EXPECT_EQ(core_->StudyOf(study).counts.running, 0);
}

TEST_F(TrialDispatcherTest, StoppingAnswersParkedAsksWithUnavailable) {
  const StudyId study = Create({.max_parallel = 1});
  core_->Lease(study, "c1");
  const auto parked = core_->Ask(study, "c2", kWait);
  core_->Settle();
  core_->dispatcher.StopHandingOut();
  ASSERT_TRUE(parked.is_there());
  EXPECT_THAT(parked.Get(), Fails(StatusCode::kUnavailable, "shutting down"));
  const auto late = core_->Ask(study, "c3", kWait);
  core_->Settle();
  EXPECT_THAT(late.Get(), HasCode(StatusCode::kUnavailable));
}

TEST_F(TrialDispatcherTest, ADiskWithRoomDoesNotUndoTheStop) {
  const StudyId study = Create({});
  core_->dispatcher.StopHandingOut();
  core_->dispatcher.HoldBack("");
  EXPECT_THAT(core_->Suggest(study, "c1")->handouts, IsEmpty());
}

TEST_F(TrialDispatcherTest, MoreParkedAsksThanAllowedAreRefused) {
  core_.emplace(*rows_, clock_, codec_, /*max_parked=*/2);
  const StudyId study = Create({.max_parallel = 0});
  for (int i = 0; i < 2; ++i) core_->Ask(study, absl::StrCat("c", i), kWait);
  core_->Settle();
  EXPECT_THAT(core_->Ask(study, "one too many", kWait).Get(),
              Fails(StatusCode::kResourceExhausted, "2 calls wait"));
}

TEST_F(TrialDispatcherTest, HeldBackHandsNothingOutUntilThereIsRoom) {
  const StudyId study = Create({});
  core_->dispatcher.HoldBack("the disk is nearly full");
  const auto now = core_->Suggest(study, "c1");
  EXPECT_THAT(now->handouts, IsEmpty());
  EXPECT_EQ(now->reason, "the disk is nearly full");
  const auto parked = core_->Ask(study, "c1", kWait);
  core_->Settle();
  EXPECT_FALSE(parked.is_there());
  core_->dispatcher.HoldBack("");
  core_->Settle();
  ASSERT_TRUE(parked.is_there());
  EXPECT_THAT(parked.Get()->handouts, SizeIs(1));
}

TEST_F(TrialDispatcherTest, AnAskWaitsForProposalsThatAreBeingComputed) {
  const StudyId study = Create({});
  core_->pool.Hold();
  const auto answer = core_->Ask(study, "c1");
  core_->Settle();
  EXPECT_FALSE(answer.is_there());
  core_->pool.Release();
  core_->Settle();
  ASSERT_TRUE(answer.is_there());
  EXPECT_THAT(answer.Get()->handouts, SizeIs(1));
}

// The supply may change between the write that found none and the moment when
// its caller is parked.
TEST_F(TrialDispatcherTest, ASupplyThatEndsWhileAnAskIsWrittenWakesIt) {
  const StudyId study = core_->Create(GridSpec("a", 1));
  const Token only = TokenOf(core_->Lease(study, "c1"));
  core_->Settle();
  const auto answer = core_->Ask(study, "c2", kWait);
  ASSERT_TRUE(core_->Complete(only, 1).ok());
  core_->Settle();
  ASSERT_TRUE(answer.is_there());
  EXPECT_THAT(answer.Get(), HasCode(StatusCode::kOutOfRange));
}

// --- A failed commit --------------------------------------------------------

TEST_F(TrialDispatcherTest, AFailedCommitLosesNoGridPoint) {
  const StudyId study = Create({});
  ASSERT_EQ(XOf(core_->Lease(study, "c0").trial), 0);
  core_->storage.FailWhen([] { return true; });
  EXPECT_THAT(core_->Suggest(study, "c1", 3),
              HasCode(StatusCode::kUnavailable));
  core_->storage.FailWhen(nullptr);
  EXPECT_THAT(XsOf(*core_->Suggest(study, "c1", 3)), ElementsAre(1, 2, 3));
}

TEST_F(TrialDispatcherTest, AFailedGroupLosesNoGridPoint) {
  const StudyId study = Create({});
  ASSERT_EQ(XOf(core_->Lease(study, "c0").trial), 0);
  core_->Settle();
  core_->storage.Hold();
  const auto first = core_->Ask(study, "c1");
  const auto second = core_->Ask(study, "c2");
  core_->storage.FailTogether();
  EXPECT_THAT(first.Get(), HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(second.Get(), HasCode(StatusCode::kUnavailable));
  EXPECT_EQ(XOf(core_->Lease(study, "c1").trial), 1);
  EXPECT_EQ(XOf(core_->Lease(study, "c2").trial), 2);
}

// --- Many at once -----------------------------------------------------------

// Asks, completes and asks again until the study is over.
class GridClients {
 public:
  GridClients(Core& core, StudyId study, int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, &core, study, i] {
        while (Step(core, study, absl::StrCat("c", i))) {
        }
      });
    }
  }

  void Join() {
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  static bool Step(Core& core, StudyId study, const std::string& client) {
    const auto answer = core.Ask(study, client, absl::Hours(1)).Get();
    if (absl::IsUnavailable(answer.status())) return true;
    if (!answer.ok()) {
      EXPECT_THAT(answer, HasCode(StatusCode::kOutOfRange));
      return false;
    }
    for (const Handout& handout : answer->handouts) {
      absl::StatusOr<Trial> trial;
      do {
        trial = core.Complete(TokenOf(handout), 1);
      } while (absl::IsUnavailable(trial.status()));
      EXPECT_TRUE(trial.ok()) << trial.status();
    }
    return true;
  }

  std::vector<std::thread> threads_;
};

void ExpectEachPointOnce(Core& core, StudyId study, int points) {
  std::set<int64_t> seen;
  for (const Trial& trial : core.TrialsOf(study)) {
    EXPECT_TRUE(seen.insert(XOf(trial)).second) << "twice: " << XOf(trial);
    EXPECT_EQ(trial.state, TrialState::kCompleted);
  }
  EXPECT_THAT(seen, SizeIs(points));
  core.Settle();
  const Study row = core.StudyOf(study);
  EXPECT_EQ(row.state, StudyState::kCompleted);
  EXPECT_EQ(row.completion, CompletionReason::kSpaceExhausted);
}

TEST_F(TrialDispatcherTest, SixteenClientsOfAGridGetEachPointOnce) {
  const StudyId study = Create({}, /*points=*/300);
  GridClients clients(*core_, study, 16);
  clients.Join();
  ExpectEachPointOnce(*core_, study, 300);
}

TEST_F(TrialDispatcherTest, SixteenClientsOfASmallRandomSpaceGetEachPointOnce) {
  StudySpec spec = GridSpec("a", 60);
  spec.algorithm.name = "random";
  const StudyId study = core_->Create(spec);
  GridClients clients(*core_, study, 16);
  clients.Join();
  ExpectEachPointOnce(*core_, study, 60);
}

TEST_F(TrialDispatcherTest, FailingCommitsNeitherDoubleNorLoseGridPoints) {
  const StudyId study = Create({}, /*points=*/100);
  std::atomic<int> writes = 0;
  core_->storage.FailWhen([&writes] { return ++writes % 5 == 0; });
  GridClients clients(*core_, study, 8);
  clients.Join();
  core_->storage.FailWhen(nullptr);
  // The write that ends the study may have been one of the failed ones.
  EXPECT_THAT(core_->Suggest(study, "last"), HasCode(StatusCode::kOutOfRange));
  ExpectEachPointOnce(*core_, study, 100);
}

TEST_F(TrialDispatcherTest, MaxParallelHoldsAmongManyThreads) {
  const StudyId study = Create({.max_trials = 60, .max_parallel = 3});
  GridClients clients(*core_, study, 8);
  std::atomic<bool> over = false;
  std::thread watcher([&] {
    while (!over) {
      ASSERT_LE(core_->StudyOf(study).counts.running, 3);
    }
  });
  clients.Join();
  over = true;
  watcher.join();
  EXPECT_THAT(core_->TrialsOf(study), SizeIs(60));
}

}  // namespace
}  // namespace assay
