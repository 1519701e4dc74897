#include "server/worker_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using absl::StatusCode;

// Notes what a worker hears. Thread-safe.
class FakeSession final : public WorkerSession {
 public:
  struct Stop {
    Token token;
    std::string reason;
    bool kill = false;
  };

  void Welcome(absl::Duration lease,
               const std::vector<WorkerVerdict>& verdicts) override {
    MutexLock lock(mutex_);
    EXPECT_EQ(lease, Core::kWorkerLease);
    EXPECT_THAT(assigned_, IsEmpty()) << "an assignment before the welcome";
    EXPECT_EQ(welcomes_, 0);
    ++welcomes_;
    verdicts_ = verdicts;
  }
  void Assign(const Handout& handout) override {
    MutexLock lock(mutex_);
    EXPECT_EQ(welcomes_, 1) << "an assignment before the welcome";
    assigned_.push_back(handout);
  }
  void StopAttempt(Token token, const std::string& reason, bool kill) override {
    MutexLock lock(mutex_);
    stops_.push_back({token, reason, kill});
  }
  void Drain(bool draining) override {
    MutexLock lock(mutex_);
    drains_.push_back(draining);
  }
  void Close(absl::Status status) override {
    MutexLock lock(mutex_);
    closed_ = status;
  }

  bool welcomed() const {
    MutexLock lock(mutex_);
    return welcomes_ > 0;
  }
  std::vector<WorkerVerdict> verdicts() const {
    MutexLock lock(mutex_);
    return verdicts_;
  }
  std::vector<Handout> assigned() const {
    MutexLock lock(mutex_);
    return assigned_;
  }
  std::vector<Stop> stops() const {
    MutexLock lock(mutex_);
    return stops_;
  }
  std::vector<bool> drains() const {
    MutexLock lock(mutex_);
    return drains_;
  }
  // OK while it is open.
  absl::Status closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }

 private:
  mutable Mutex mutex_;
  int welcomes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<WorkerVerdict> verdicts_ ABSL_GUARDED_BY(mutex_);
  std::vector<Handout> assigned_ ABSL_GUARDED_BY(mutex_);
  std::vector<Stop> stops_ ABSL_GUARDED_BY(mutex_);
  std::vector<bool> drains_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
};

using Session = std::shared_ptr<FakeSession>;

std::vector<Token> TokensOf(const FakeSession& session) {
  std::vector<Token> tokens;
  for (const Handout& handout : session.assigned()) {
    tokens.push_back(TokenOf(handout));
  }
  return tokens;
}

// Of a worker that does not tell its slots.
HeldAttempts Held(const std::vector<Token>& tokens) {
  HeldAttempts held;
  for (const Token& token : tokens) held[token] = 0;
  return held;
}

// Names of the studies that the session's trials belong to.
std::vector<std::string> StudiesOf(const FakeSession& session) {
  std::vector<std::string> names;
  for (const Handout& handout : session.assigned()) {
    names.push_back(absl::StrCat(handout.spec->owner, "/", handout.spec->name));
  }
  return names;
}

class WorkerRegistryTest : public CoreTest {
 protected:
  static WorkerHello Hello(const std::string& name, int32_t slots = 1) {
    WorkerHello hello;
    hello.name = name;
    hello.instance = absl::StrCat(name, "-1");
    hello.slots = slots;
    hello.runners = {"shell"};
    return hello;
  }

  // Connects and settles.
  Session Connect(WorkerHello hello) {
    auto session = std::make_shared<FakeSession>();
    const absl::Status status =
        core_->workers.Connect(session, std::move(hello));
    EXPECT_TRUE(status.ok()) << status;
    core_->Settle();
    return session;
  }

  StudyId Create(const std::string& owner, const std::string& name,
                 int32_t priority = 0) {
    StudySpec spec = WorkerSpec(owner, name);
    spec.priority = priority;
    return core_->Create(spec);
  }

  WorkerView ViewOf(const std::string& name) {
    for (WorkerView& view : core_->workers.List()) {
      if (view.hello.name == name) return view;
    }
    ADD_FAILURE() << "no worker " << name;
    return {};
  }

  std::string WhyWaiting(StudySpec spec) {
    return core_->workers.WhyWaiting(spec);
  }

  void Disconnect(const Session& session) {
    core_->workers.Disconnect(session.get());
    core_->Settle();
  }

  // Completes what the session has at that place of its assignments.
  void Complete(const FakeSession& session, size_t place) {
    ASSERT_GT(session.assigned().size(), place);
    ASSERT_TRUE(core_->Complete(TokenOf(session.assigned()[place]), 1).ok());
    core_->Settle();
  }
};

// --- Names ------------------------------------------------------------------

TEST_F(WorkerRegistryTest, WorkersThatLeftMakeRoomForNewNames) {
  const auto come = [&](int i) {
    auto session = std::make_shared<FakeSession>();
    const absl::Status status =
        core_->workers.Connect(session, Hello(absl::StrCat("node-", i)));
    EXPECT_TRUE(status.ok()) << status;
    return session;
  };
  const Session stays = come(0);
  for (int i = 1; i <= WorkerRegistry::kMaxWorkers; ++i) {
    core_->workers.Disconnect(come(i).get());
    clock_.Advance(absl::Seconds(1));
  }
  core_->Settle();
  const std::vector<WorkerView> views = core_->workers.List();
  EXPECT_EQ(views.size(), size_t{WorkerRegistry::kMaxWorkers});
  EXPECT_TRUE(ViewOf("node-0").connected);
  const auto is_first = [](const WorkerView& view) {
    return view.hello.name == "node-1";
  };
  EXPECT_TRUE(std::none_of(views.begin(), views.end(), is_first));
}

// --- Matching ---------------------------------------------------------------

TEST_F(WorkerRegistryTest, AConnectedWorkerIsWelcomedAndGetsATrialASlot) {
  const StudyId study = Create("local", "a");
  const Session session = Connect(Hello("w1", 2));
  EXPECT_TRUE(session->welcomed());
  ASSERT_THAT(session->assigned(), SizeIs(2));
  const Handout first = session->assigned()[0];
  EXPECT_EQ(first.trial.study, study);
  EXPECT_EQ(first.attempt.holder, "w1");
  EXPECT_EQ(first.attempt.instance, "w1-1");
  EXPECT_TRUE(first.attempt.by_worker);
  EXPECT_EQ(first.attempt.lease, Core::kWorkerLease);
  EXPECT_EQ(first.study_seed, 7u);
  EXPECT_EQ(core_->workers.totals().busy, 2);
}

TEST_F(WorkerRegistryTest, AStudyThatComesLaterIsServedToo) {
  const Session session = Connect(Hello("w1"));
  EXPECT_THAT(session->assigned(), IsEmpty());
  Create("local", "a");
  core_->Settle();
  EXPECT_THAT(session->assigned(), SizeIs(1));
}

TEST_F(WorkerRegistryTest, AReportMatchesNothingAnew) {
  const Session session = Connect(Hello("w1"));
  const StudyId study = Create("local", "a");
  core_->Settle();
  const Trial trial = core_->TrialsOf(study)[0];
  const int64_t posted = core_->pool.posted();
  ASSERT_TRUE(core_->Report({trial.id, 1}, {.step = 1}).ok());
  core_->Settle();
  EXPECT_EQ(core_->pool.posted(), posted);
}

TEST_F(WorkerRegistryTest, AFreedSlotGetsTheNextTrial) {
  Create("local", "a");
  const Session session = Connect(Hello("w1"));
  for (size_t i = 0; i < 5; ++i) Complete(*session, i);
  ASSERT_THAT(session->assigned(), SizeIs(6));
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(XOf(session->assigned()[i].trial), i);
  }
}

TEST_F(WorkerRegistryTest, WaitingTrialsAreServedBeforeProposals) {
  const StudyId study = Create("local", "a");
  ASSERT_TRUE(core_->Enqueue(study, X(77)).ok());
  const Session session = Connect(Hello("w1"));
  EXPECT_EQ(XOf(session->assigned().at(0).trial), 77);
}

TEST_F(WorkerRegistryTest, AFailedAttemptIsTriedAgain) {
  Create("local", "a");
  const Session session = Connect(Hello("w1"));
  const Token token = TokensOf(*session).at(0);
  ASSERT_TRUE(core_->Fail(token).ok());
  core_->Settle();
  EXPECT_EQ(TokensOf(*session).at(1), (Token{token.trial, 2}));
}

TEST_F(WorkerRegistryTest, TheWorkerWithTheMostFreeSlotsIsServedFirst) {
  const Session small = Connect(Hello("small", 1));
  const Session big = Connect(Hello("big", 4));
  StudySpec spec = WorkerSpec("local", "a");
  spec.budget.max_parallel = 3;
  core_->Create(spec);
  core_->Settle();
  EXPECT_THAT(big->assigned(), SizeIs(3));
  EXPECT_THAT(small->assigned(), IsEmpty());
}

TEST_F(WorkerRegistryTest, AStudyIsServedByThoseOnlyThatHaveItsRunner) {
  Create("local", "a");
  WorkerHello hello = Hello("w1");
  hello.runners = {"python"};
  EXPECT_THAT(Connect(hello)->assigned(), IsEmpty());
  EXPECT_THAT(Connect(Hello("w2"))->assigned(), SizeIs(1));
}

TEST_F(WorkerRegistryTest, BuiltinAndCommandNeedAWorkerThatSaysSo) {
  StudySpec builtin = WorkerSpec("local", "builtin");
  builtin.trial.runner = RunnerKind::kBuiltin;
  builtin.budget.max_parallel = 1;
  core_->Create(builtin);
  StudySpec command = WorkerSpec("local", "command");
  command.trial.runner = RunnerKind::kCommand;
  command.budget.max_parallel = 1;
  core_->Create(command);
  EXPECT_THAT(Connect(Hello("w1"))->assigned(), IsEmpty());
  WorkerHello trains = Hello("w2", 2);
  trains.builtin = true;
  EXPECT_THAT(StudiesOf(*Connect(trains)), ElementsAre("local/builtin"));
  WorkerHello runs = Hello("w3", 2);
  runs.any_command = true;
  EXPECT_THAT(StudiesOf(*Connect(runs)), ElementsAre("local/command"));
}

TEST_F(WorkerRegistryTest, StudiesForClientsAreNotForWorkers) {
  core_->Create(GridSpec("clients", 10));
  EXPECT_THAT(Connect(Hello("w1"))->assigned(), IsEmpty());
}

TEST_F(WorkerRegistryTest, ATrialWithTwoGpusTakesTwoSlots) {
  StudySpec spec = WorkerSpec("local", "a");
  spec.trial.resources.gpus = 2;
  core_->Create(spec);
  WorkerHello hello = Hello("w1", 5);
  hello.gpus.resize(5);
  const Session session = Connect(hello);
  EXPECT_THAT(session->assigned(), SizeIs(2));
  EXPECT_EQ(ViewOf("w1").busy, 4);
}

TEST_F(WorkerRegistryTest, ATrialWithGpusIsNotForSlotsWithoutThem) {
  StudySpec spec = WorkerSpec("local", "a");
  spec.trial.resources.gpus = 1;
  core_->Create(spec);
  EXPECT_THAT(Connect(Hello("w1", 4))->assigned(), IsEmpty());
}

TEST_F(WorkerRegistryTest, NothingIsHandedOutWhileAStudyIsPaused) {
  const StudyId study = Create("local", "a");
  ASSERT_TRUE(core_->Pause(study).ok());
  const Session session = Connect(Hello("w1"));
  EXPECT_THAT(session->assigned(), IsEmpty());
  ASSERT_TRUE(core_->Resume(study).ok());
  core_->Settle();
  EXPECT_THAT(session->assigned(), SizeIs(1));
}

TEST_F(WorkerRegistryTest, AUsedUpStudyLeavesTheSlotsToOthers) {
  const StudyId small = core_->Create(WorkerSpec("local", "small", 2));
  Create("local", "big");
  const Session session = Connect(Hello("w1", 1));
  std::set<std::string> studies;
  for (size_t i = 0; i < 6; ++i) Complete(*session, i);
  for (const std::string& name : StudiesOf(*session)) studies.insert(name);
  EXPECT_THAT(studies, ElementsAre("local/big", "local/small"));
  EXPECT_EQ(core_->StudyOf(small).completion,
            CompletionReason::kSpaceExhausted);
}

TEST_F(WorkerRegistryTest, RoomOnTheDiskLetsWorkersGoOn) {
  core_->dispatcher.HoldBack("the disk is nearly full");
  Create("local", "a");
  const Session session = Connect(Hello("w1"));
  EXPECT_THAT(session->assigned(), IsEmpty());
  core_->dispatcher.HoldBack("");
  core_->workers.MatchAnew();
  core_->Settle();
  EXPECT_THAT(session->assigned(), SizeIs(1));
}

// Over and over at once would keep the disk and the search busy for nothing.
TEST_F(WorkerRegistryTest, ALeaseWhoseCommitFailsIsTriedAgainAfterARest) {
  Create("local", "a");
  int writes = 0;
  core_->storage.FailWhen([&writes] { return ++writes > 0; });
  const Session session = Connect(Hello("w1"));
  EXPECT_THAT(session->assigned(), IsEmpty());
  EXPECT_EQ(ViewOf("w1").busy, 0);
  EXPECT_EQ(writes, 1);
  core_->Advance(absl::Seconds(1));
  EXPECT_EQ(writes, 2);
  core_->storage.FailWhen(nullptr);
  core_->Advance(absl::Seconds(1));
  EXPECT_THAT(session->assigned(), SizeIs(1));
}

// --- Fair share -------------------------------------------------------------

TEST_F(WorkerRegistryTest, OwnersShareTheSlotsHoweverManyStudiesTheyHave) {
  Create("ann", "a1");
  Create("ann", "a2");
  Create("ann", "a3");
  Create("bob", "b1");
  const Session session = Connect(Hello("w1", 4));
  for (size_t i = 0; i < 8; ++i) Complete(*session, i);
  EXPECT_EQ(core_->leases.RunningOf("ann"), 2);
  EXPECT_EQ(core_->leases.RunningOf("bob"), 2);
}

TEST_F(WorkerRegistryTest, TwoSlotsGoToTwoOwners) {
  Create("ann", "a1");
  Create("ann", "a2");
  Create("bob", "b1");
  core_->Settle();
  core_->pool.Hold();
  auto session = std::make_shared<FakeSession>();
  ASSERT_TRUE(core_->workers.Connect(session, Hello("w1", 2)).ok());
  core_->storage.Hold();  // Both leases are on their way at once.
  core_->pool.Release();
  core_->pool.WaitUntilIdle();
  core_->storage.Release();
  core_->Settle();
  EXPECT_THAT(StudiesOf(*session), UnorderedElementsAre("ann/a1", "bob/b1"));
}

TEST_F(WorkerRegistryTest, WithinAnOwnerThePriorityDecides) {
  Create("ann", "low", 1);
  Create("ann", "high", 2);
  EXPECT_THAT(StudiesOf(*Connect(Hello("w1", 1))), ElementsAre("ann/high"));
}

TEST_F(WorkerRegistryTest, StudiesOfEqualPriorityShareTheSlots) {
  const StudyId first = Create("ann", "a1");
  const StudyId second = Create("ann", "a2");
  const Session session = Connect(Hello("w1", 4));
  for (size_t i = 0; i < 8; ++i) Complete(*session, i);
  EXPECT_EQ(core_->leases.RunningOf(first), 2);
  EXPECT_EQ(core_->leases.RunningOf(second), 2);
}

// The order is computed while leases come and go on other threads: a sort whose
// comparison changes meanwhile runs out of its range.
TEST_F(WorkerRegistryTest, ManyStudiesAreServedWhileLeasesComeAndGo) {
  constexpr int kStudies = 40;
  for (int i = 0; i < kStudies; ++i) {
    core_->Create(
        WorkerSpec(absl::StrCat("owner", i % 8), absl::StrCat("s", i), 10));
  }
  const Session session = Connect(Hello("w1", 16));
  for (size_t done = 0; done < kStudies * 10;) {
    const std::vector<Token> tokens = TokensOf(*session);
    std::vector<Later<absl::StatusOr<Trial>>> ends(tokens.size() - done);
    for (auto& end : ends) {
      core_->recorder.Finish(
          {.token = tokens[done++], .metrics = {{"loss", 1}}}, end.Callback());
    }
    core_->Settle();
  }
  for (const StudyRegistry::Candidate& left : core_->studies.Candidates()) {
    ADD_FAILURE() << left.spec->name << " is not over";
  }
}

TEST_F(WorkerRegistryTest, AClientsTrialsCountForTheShareToo) {
  Create("ann", "a1");
  Create("bob", "b1");
  StudySpec clients = GridSpec("clients", 10);
  clients.owner = "ann";
  core_->Lease(core_->Create(clients), "c1");
  EXPECT_THAT(StudiesOf(*Connect(Hello("w1", 1))), ElementsAre("bob/b1"));
}

TEST_F(WorkerRegistryTest, SlotsThatOneOwnerCannotUseGoToTheOther) {
  StudySpec spec = WorkerSpec("ann", "a1");
  spec.budget.max_parallel = 1;
  core_->Create(spec);
  Create("bob", "b1");
  const std::vector<std::string> studies = StudiesOf(*Connect(Hello("w1", 4)));
  EXPECT_EQ(std::count(studies.begin(), studies.end(), "bob/b1"), 3);
}

// --- Stops ------------------------------------------------------------------

TEST_F(WorkerRegistryTest, AStopIsToldToTheHolder) {
  Create("local", "a");
  const Session holder = Connect(Hello("w1"));
  const Session other = Connect(Hello("w2"));
  const Token token = TokensOf(*holder).at(0);
  ASSERT_TRUE(core_->StopTrial(token.trial, "no hope").ok());
  core_->Settle();
  ASSERT_THAT(holder->stops(), SizeIs(1));
  EXPECT_EQ(holder->stops()[0].token, token);
  EXPECT_EQ(holder->stops()[0].reason, "no hope");
  EXPECT_FALSE(holder->stops()[0].kill);
  EXPECT_THAT(other->stops(), IsEmpty());
}

TEST_F(WorkerRegistryTest, ARulesDecisionReachesTheWorker) {
  StudySpec spec = WorkerSpec("local", "a");
  spec.stopping.rules = {{.name = "patience", .patience_steps = 1}};
  core_->Create(spec);
  const Session session = Connect(Hello("w1"));
  const Token token = TokensOf(*session).at(0);
  ASSERT_TRUE(
      core_
          ->ReportBatch(token,
                        {{.sequence = 1, .step = 1, .metrics = {{"loss", 1}}},
                         {.sequence = 2, .step = 2, .metrics = {{"loss", 2}}}})
          .ok());
  core_->Settle();
  ASSERT_THAT(session->stops(), SizeIs(1));
  EXPECT_FALSE(session->stops()[0].kill);
}

TEST_F(WorkerRegistryTest, DeletingAStudyStopsAndFreesItsSlots) {
  const StudyId study = Create("local", "a");
  const Session session = Connect(Hello("w1"));
  const Token token = TokensOf(*session).at(0);
  ASSERT_TRUE(core_->Delete(study).ok());
  core_->Settle();
  ASSERT_THAT(session->stops(), SizeIs(1));
  EXPECT_FALSE(session->stops()[0].kill);
  ASSERT_TRUE(core_->Finish({.token = token, .end = End::kStopped}).ok());
  core_->Settle();
  EXPECT_EQ(core_->workers.totals().busy, 0);
  Create("local", "b");
  core_->Settle();
  EXPECT_THAT(session->assigned(), SizeIs(2));
}

// --- Leases and heartbeats --------------------------------------------------

TEST_F(WorkerRegistryTest, HeartbeatsRenewWhatIsHeld) {
  Create("local", "a");
  const Session session = Connect(Hello("w1"));
  const Token token = TokensOf(*session).at(0);
  for (int i = 0; i < 5; ++i) {
    core_->Advance(absl::Seconds(50));
    core_->workers.Heartbeat(session.get(), Held({token}));
    core_->workers.CloseSilent();
    core_->dispatcher.ExpireLeases();
    core_->Settle();
  }
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kRunning);
  EXPECT_THAT(session->stops(), IsEmpty());
  EXPECT_TRUE(session->closed().ok());
  EXPECT_EQ(ViewOf("w1").last_seen, clock_.Now());
}

TEST_F(WorkerRegistryTest, HeartbeatsKillWhatIsOver) {
  Create("local", "a");
  const Session session = Connect(Hello("w1"));
  const Token over{TrialId{99}, 1};
  core_->workers.Heartbeat(session.get(),
                           Held({TokensOf(*session).at(0), over}));
  ASSERT_THAT(session->stops(), SizeIs(1));
  EXPECT_EQ(session->stops()[0].token, over);
  EXPECT_TRUE(session->stops()[0].kill);
}

TEST_F(WorkerRegistryTest, ALostLeaseIsKilledAndItsSlotIsFree) {
  StudySpec spec = WorkerSpec("local", "a");
  spec.budget.max_trials = 1;
  core_->Create(spec);
  const Session session = Connect(Hello("w1"));
  const Token token = TokensOf(*session).at(0);
  core_->Advance(absl::Seconds(50));
  core_->workers.Heartbeat(session.get(), {});  // The worker forgot it.
  core_->Advance(absl::Seconds(50));
  core_->workers.CloseSilent();
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  ASSERT_THAT(session->stops(), SizeIs(1));
  EXPECT_TRUE(session->stops()[0].kill);
  EXPECT_EQ(TokensOf(*session).back(), (Token{token.trial, 2}));
}

TEST_F(WorkerRegistryTest, AWorkerThatIsSilentForALeaseIsClosed) {
  Create("local", "a");
  const Session session = Connect(Hello("w1"));
  const Token token = TokensOf(*session).at(0);
  core_->Advance(Core::kWorkerLease);
  core_->workers.CloseSilent();
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  EXPECT_EQ(session->closed().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(ViewOf("w1").connected);
  EXPECT_EQ(core_->TrialOf(token.trial).state, TrialState::kPending);
  EXPECT_THAT(session->assigned(), SizeIs(1));
}

// --- Where an attempt runs --------------------------------------------------

class WorkerSlotTest : public WorkerRegistryTest {
 protected:
  // Two slots, the first with a GPU.
  static WorkerHello Hello() {
    WorkerHello hello = WorkerRegistryTest::Hello("w1", 2);
    hello.gpus = {{.index = 3, .name = "H100"}};
    return hello;
  }
  void Beat(HeldAttempts held) {
    core_->workers.Heartbeat(session_.get(), held);
    core_->Settle();
  }
  int64_t Revision() { return core_->StudyOf(study_).revision; }

  const StudyId study_ = Create("local", "a");
  Session session_ = Connect(Hello());
  const Token first_ = TokensOf(*session_).at(0);
  const Token second_ = TokensOf(*session_).at(1);
};

TEST_F(WorkerSlotTest, IsKnownFromTheFirstHeartbeatThatNamesIt) {
  Beat({{first_, 1}, {second_, 0}});
  EXPECT_EQ(core_->AttemptOf(first_).slot, 1);
  EXPECT_EQ(core_->AttemptOf(first_).gpu, "3: H100");
  EXPECT_EQ(core_->AttemptOf(second_).slot, 0);
  Beat({{first_, 1}, {second_, 2}});
  EXPECT_EQ(core_->AttemptOf(second_).slot, 2);
  EXPECT_EQ(core_->AttemptOf(second_).gpu, "");
  EXPECT_THAT(ViewOf("w1").held,
              ElementsAre(Pair(first_, 1), Pair(second_, 2)));
}

TEST_F(WorkerSlotTest, IsWrittenOnceAndTheWatchersHearOfIt) {
  const int64_t before = Revision();
  Beat({{first_, 1}});
  EXPECT_EQ(Revision(), before + 1);
  EXPECT_EQ(core_->TrialOf(first_.trial).revision, before + 1);
  Beat({{first_, 1}});
  Beat({{first_, 0}});
  EXPECT_EQ(Revision(), before + 1);
  EXPECT_EQ(core_->AttemptOf(first_).slot, 1);
}

TEST_F(WorkerSlotTest, IsToldAgainIfItCouldNotBeWritten) {
  core_->storage.FailWhen([] { return true; });
  Beat({{first_, 1}});
  core_->storage.FailWhen(nullptr);
  EXPECT_EQ(core_->AttemptOf(first_).slot, 0);
  Beat({{first_, 1}});
  EXPECT_EQ(core_->AttemptOf(first_).slot, 1);
}

TEST_F(WorkerSlotTest, OfAnAttemptOfAnotherWorkerIsNotItsToTell) {
  const Session other = Connect(WorkerRegistryTest::Hello("w2"));
  const Token token = TokensOf(*other).at(0);
  Beat({{token, 1}});
  EXPECT_EQ(core_->AttemptOf(token).slot, 0);
}

TEST_F(WorkerSlotTest, IsToldByAWorkerThatComesAgain) {
  Disconnect(session_);
  WorkerHello hello = Hello();
  hello.held = {{first_, 1}, {second_, 2}};
  session_ = Connect(hello);
  EXPECT_EQ(core_->AttemptOf(first_).slot, 1);
  EXPECT_EQ(core_->AttemptOf(first_).gpu, "3: H100");
  const int64_t before = Revision();
  Beat({{first_, 1}, {second_, 2}});
  EXPECT_EQ(Revision(), before);
}

TEST_F(WorkerSlotTest, GoesAlongWithWhatIsAdopted) {
  Disconnect(session_);
  core_->Advance(Core::kWorkerLease);
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  WorkerHello hello = Hello();
  hello.held = {{first_, 1}, {second_, 2}};
  session_ = Connect(hello);
  const Attempt next = core_->AttemptOf({first_.trial, 2});
  EXPECT_EQ(next.outcome, AttemptOutcome::kRunning);
  EXPECT_EQ(next.slot, 1);
  EXPECT_EQ(next.gpu, "3: H100");
}

// --- Streams that come again ------------------------------------------------

TEST_F(WorkerRegistryTest, ABrokenStreamAloneQueuesNothingAgain) {
  const StudyId study = Create("local", "a");
  const Session session = Connect(Hello("w1"));
  Disconnect(session);
  EXPECT_FALSE(ViewOf("w1").connected);
  EXPECT_EQ(core_->workers.totals().workers, 0);
  EXPECT_EQ(core_->StudyOf(study).counts.running, 1);
  EXPECT_EQ(core_->TrialOf(TokensOf(*session).at(0).trial).state,
            TrialState::kRunning);
}

TEST_F(WorkerRegistryTest, WhatStillRunsGoesOn) {
  Create("local", "a");
  const Session first = Connect(Hello("w1"));
  Disconnect(first);
  WorkerHello hello = Hello("w1");
  hello.held = Held(TokensOf(*first));
  const Session second = Connect(hello);
  ASSERT_THAT(second->verdicts(), SizeIs(1));
  EXPECT_TRUE(second->verdicts()[0].go_on);
  EXPECT_EQ(second->verdicts()[0].new_attempt, 0);
  EXPECT_THAT(second->assigned(), IsEmpty());  // The slot is taken.
  EXPECT_EQ(ViewOf("w1").busy, 1);
}

TEST_F(WorkerRegistryTest, WhatWaitsAgainIsAdoptedAsTheNextAttempt) {
  StudySpec spec = WorkerSpec("local", "a");
  spec.budget.max_trials = 1;
  const StudyId study = core_->Create(spec);
  const Session first = Connect(Hello("w1"));
  const Token token = TokensOf(*first).at(0);
  Disconnect(first);
  core_->Advance(Core::kWorkerLease);
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  ASSERT_EQ(core_->TrialOf(token.trial).state, TrialState::kPending);
  WorkerHello hello = Hello("w1");
  hello.held = Held({token});
  const Session second = Connect(hello);
  ASSERT_THAT(second->verdicts(), SizeIs(1));
  EXPECT_TRUE(second->verdicts()[0].go_on);
  EXPECT_EQ(second->verdicts()[0].new_attempt, 2);
  EXPECT_THAT(second->assigned(), IsEmpty());
  EXPECT_EQ(core_->AttemptOf({token.trial, 2}).holder, "w1");
  EXPECT_EQ(core_->StudyOf(study).counts.running, 1);
  EXPECT_THAT(ViewOf("w1").held, ElementsAre(Pair(Token{token.trial, 2}, 0)));
  EXPECT_TRUE(core_->Complete({token.trial, 2}, 1).ok());
}

TEST_F(WorkerRegistryTest, WhatAnotherRunsByNowIsKilled) {
  StudySpec spec = WorkerSpec("local", "a");
  spec.budget.max_trials = 1;
  core_->Create(spec);
  const Session first = Connect(Hello("w1"));
  const Token token = TokensOf(*first).at(0);
  Disconnect(first);
  core_->Advance(Core::kWorkerLease);
  core_->dispatcher.ExpireLeases();
  core_->Settle();
  const Session other = Connect(Hello("w2"));
  ASSERT_EQ(TokensOf(*other).at(0), (Token{token.trial, 2}));
  WorkerHello hello = Hello("w1");
  hello.held = Held({token});
  const Session second = Connect(hello);
  ASSERT_THAT(second->verdicts(), SizeIs(1));
  EXPECT_FALSE(second->verdicts()[0].go_on);
  EXPECT_THAT(second->verdicts()[0].reason, HasSubstr("attempt 2"));
}

TEST_F(WorkerRegistryTest, WhatEndedMeanwhileOrNeverWasIsKilled) {
  Create("local", "a");
  const Session first = Connect(Hello("w1"));
  const Token token = TokensOf(*first).at(0);
  Disconnect(first);
  ASSERT_TRUE(core_->Complete(token, 1).ok());
  WorkerHello hello = Hello("w1", 2);
  hello.held = Held({token, Token{TrialId{99}, 1}});
  const Session second = Connect(hello);
  ASSERT_THAT(second->verdicts(), SizeIs(2));
  for (const WorkerVerdict& verdict : second->verdicts()) {
    EXPECT_FALSE(verdict.go_on);
    EXPECT_NE(verdict.reason, "");
  }
}

TEST_F(WorkerRegistryTest, AnotherProcessOfTheNameMayNotTakeOver) {
  Create("local", "a");
  const Session first = Connect(Hello("w1"));
  Disconnect(first);
  WorkerHello hello = Hello("w1");
  hello.instance = "w1-2";
  hello.held = Held(TokensOf(*first));
  const Session second = Connect(hello);
  ASSERT_THAT(second->verdicts(), SizeIs(1));
  EXPECT_FALSE(second->verdicts()[0].go_on);
}

TEST_F(WorkerRegistryTest, AnAssignmentThatWasNotHeardIsSentAgain) {
  Create("local", "a");
  const Session first = Connect(Hello("w1"));
  Disconnect(first);
  const Session second = Connect(Hello("w1"));  // Holds nothing, it says.
  EXPECT_THAT(second->verdicts(), IsEmpty());
  EXPECT_EQ(TokensOf(*second), TokensOf(*first));
  EXPECT_EQ(ViewOf("w1").busy, 1);
}

TEST_F(WorkerRegistryTest, WhatADeadProcessHeldIsNotSentToTheNextOne) {
  Create("local", "a");
  const Session first = Connect(Hello("w1"));
  Disconnect(first);
  WorkerHello hello = Hello("w1");
  hello.instance = "w1-2";
  const Session second = Connect(hello);
  ASSERT_THAT(second->assigned(), SizeIs(1));
  EXPECT_NE(TokensOf(*second), TokensOf(*first));
}

TEST_F(WorkerRegistryTest, AStopThatWasNotHeardIsToldAgain) {
  Create("local", "a");
  const Session first = Connect(Hello("w1"));
  const Token token = TokensOf(*first).at(0);
  Disconnect(first);
  ASSERT_TRUE(core_->StopTrial(token.trial, "no hope").ok());
  core_->Settle();
  WorkerHello hello = Hello("w1");
  hello.held = Held({token});
  const Session second = Connect(hello);
  ASSERT_THAT(second->stops(), SizeIs(1));
  EXPECT_EQ(second->stops()[0].reason, "no hope");
  EXPECT_FALSE(second->stops()[0].kill);
}

TEST_F(WorkerRegistryTest, AStopIsToldWithAnAssignmentThatIsSentAgain) {
  Create("local", "a");
  const Session first = Connect(Hello("w1"));
  const Token token = TokensOf(*first).at(0);
  Disconnect(first);
  ASSERT_TRUE(core_->StopTrial(token.trial, "no hope").ok());
  core_->Settle();
  const Session second = Connect(Hello("w1"));
  EXPECT_THAT(TokensOf(*second), ElementsAre(token));
  ASSERT_THAT(second->stops(), SizeIs(1));
  EXPECT_EQ(second->stops()[0].token, token);
}

TEST_F(WorkerRegistryTest, ANewerStreamOfTheProcessReplacesTheOlder) {
  Create("local", "a");
  const Session first = Connect(Hello("w1"));
  WorkerHello hello = Hello("w1");
  hello.held = Held(TokensOf(*first));
  const Session second = Connect(hello);
  EXPECT_EQ(first->closed().code(), StatusCode::kAborted);
  EXPECT_TRUE(second->closed().ok());
  // The older one's end says nothing about the newer.
  Disconnect(first);
  EXPECT_TRUE(ViewOf("w1").connected);
  core_->workers.Heartbeat(first.get(), Held({Token{TrialId{99}, 1}}));
  EXPECT_THAT(second->stops(), IsEmpty());
}

TEST_F(WorkerRegistryTest, AStreamThatIsReplacedWhileItIsGreetedGetsNothing) {
  Create("local", "a");
  core_->Settle();
  core_->pool.Hold();
  auto first = std::make_shared<FakeSession>();
  auto second = std::make_shared<FakeSession>();
  ASSERT_TRUE(core_->workers.Connect(first, Hello("w1")).ok());
  ASSERT_TRUE(core_->workers.Connect(second, Hello("w1")).ok());
  core_->pool.Release();
  core_->Settle();
  EXPECT_FALSE(first->welcomed());
  EXPECT_TRUE(second->welcomed());
  EXPECT_THAT(second->assigned(), SizeIs(1));
}

// The lease is written while the stream breaks and comes again: the worker must
// hear of it once, after the welcome.
TEST_F(WorkerRegistryTest, ALeaseThatCommitsWhileTheStreamIsGreetedIsSentOnce) {
  const Session first = Connect(Hello("w1"));
  core_->pool.Hold();
  Create("local", "a");
  core_->storage.Hold();
  core_->pool.Release();
  core_->pool.WaitUntilIdle();
  ASSERT_EQ(core_->storage.held(), 1);  // The lease of w1.
  core_->pool.Hold();
  auto second = std::make_shared<FakeSession>();
  ASSERT_TRUE(core_->workers.Connect(second, Hello("w1")).ok());
  core_->storage.Release();
  core_->Settle();
  EXPECT_FALSE(second->welcomed());
  core_->pool.Release();
  core_->Settle();
  EXPECT_TRUE(second->welcomed());
  EXPECT_THAT(second->assigned(), SizeIs(1));
  EXPECT_THAT(first->assigned(), IsEmpty());
  EXPECT_EQ(ViewOf("w1").busy, 1);
}

TEST_F(WorkerRegistryTest, AnotherProcessOfAConnectedNameIsRefused) {
  Connect(Hello("w1"));
  WorkerHello hello = Hello("w1");
  hello.instance = "w1-2";
  const absl::Status status =
      core_->workers.Connect(std::make_shared<FakeSession>(), hello);
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"w1\""));
}

// --- Drain ------------------------------------------------------------------

TEST_F(WorkerRegistryTest, ADrainingWorkerGetsNothingNew) {
  Create("local", "a");
  const Session session = Connect(Hello("w1"));
  core_->workers.SetDraining(session.get(), true);
  Complete(*session, 0);
  EXPECT_THAT(session->assigned(), SizeIs(1));
  core_->workers.SetDraining(session.get(), false);
  core_->Settle();
  EXPECT_THAT(session->assigned(), SizeIs(2));
}

TEST_F(WorkerRegistryTest, AWorkerMayConnectAsDraining) {
  Create("local", "a");
  WorkerHello hello = Hello("w1");
  hello.draining = true;
  EXPECT_THAT(Connect(hello)->assigned(), IsEmpty());
  EXPECT_TRUE(ViewOf("w1").draining);
}

TEST_F(WorkerRegistryTest, APersonsDrainIsToldToTheWorker) {
  Create("local", "a");
  const Session session = Connect(Hello("w1"));
  const auto view = core_->workers.Drain("w1", true);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_TRUE(view->draining);
  EXPECT_THAT(session->drains(), ElementsAre(true));
  Complete(*session, 0);
  EXPECT_THAT(session->assigned(), SizeIs(1));
  EXPECT_THAT(core_->workers.Drain("nobody", true),
              HasCode(StatusCode::kNotFound));
}

TEST_F(WorkerRegistryTest, APersonsDrainOfAnAbsentWorkerWaitsForIt) {
  Create("local", "a");
  const Session first = Connect(Hello("w1", 2));
  Disconnect(first);
  ASSERT_TRUE(core_->workers.Drain("w1", true).ok());
  WorkerHello hello = Hello("w1", 3);
  hello.held = Held(TokensOf(*first));
  const Session second = Connect(hello);
  EXPECT_TRUE(ViewOf("w1").draining);
  EXPECT_THAT(second->drains(), ElementsAre(true));
  EXPECT_THAT(second->assigned(), IsEmpty());
}

// --- What people see --------------------------------------------------------

TEST_F(WorkerRegistryTest, ListShowsEachWorkerSeen) {
  Create("local", "a");
  const Session session = Connect(Hello("w2", 3));
  Disconnect(Connect(Hello("w1")));
  const std::vector<WorkerView> views = core_->workers.List();
  ASSERT_THAT(views, SizeIs(2));
  EXPECT_EQ(views[0].hello.name, "w1");
  EXPECT_FALSE(views[0].connected);
  EXPECT_EQ(views[1].busy, 3);
  EXPECT_THAT(views[1].held, SizeIs(3));
  const WorkerRegistry::Totals totals = core_->workers.totals();
  EXPECT_EQ(totals.workers, 1);
  EXPECT_EQ(totals.slots, 3);
  EXPECT_EQ(totals.busy, 3);
}

TEST_F(WorkerRegistryTest, WhyWaitingNamesWhatIsMissing) {
  StudySpec spec = WorkerSpec("local", "a");
  EXPECT_EQ(WhyWaiting(GridSpec("clients", 3)), "");
  EXPECT_EQ(WhyWaiting(spec), "no worker is connected");
  const Session session = Connect(Hello("w1"));
  EXPECT_EQ(WhyWaiting(spec), "");
  spec.trial.resources.gpus = 2;
  EXPECT_EQ(WhyWaiting(spec), "no worker offers gpus: 2 and runner \"shell\"");
  spec.trial.resources.gpus = 0;
  spec.trial.runner_name = "python";
  EXPECT_EQ(WhyWaiting(spec), "no worker offers runner \"python\"");
  spec.trial.runner = RunnerKind::kBuiltin;
  EXPECT_EQ(WhyWaiting(spec), "no worker offers the built-in trainer");
  spec.trial.runner = RunnerKind::kCommand;
  EXPECT_EQ(WhyWaiting(spec),
            "no worker offers any command (--allow-any-command)");
}

TEST_F(WorkerRegistryTest, WhyWaitingTellsBusyFromDraining) {
  const StudySpec spec = WorkerSpec("local", "a");
  core_->Create(spec);
  const Session session = Connect(Hello("w1"));
  EXPECT_EQ(WhyWaiting(spec), "every slot is busy");
  core_->workers.SetDraining(session.get(), true);
  EXPECT_EQ(WhyWaiting(spec), "every worker that could is draining");
}

}  // namespace
}  // namespace assay
