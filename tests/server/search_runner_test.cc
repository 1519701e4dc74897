#include "server/search_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using absl::StatusCode;
using Supply = SearchRunner::Supply;

class SearchRunnerTest : public CoreTest {
 protected:
  void SetUp() override { Start(GridSpec("a", 1000)); }

  void Start(const StudySpec& spec) {
    study_ = core_->Create(spec);
    runner_ = *core_->studies.Runner(study_);
    core_->Settle();
  }

  int64_t Take() {
    const auto taken = runner_->Take();
    EXPECT_TRUE(taken.has_value());
    return taken ? std::get<int64_t>(taken->proposal.parameters.at("x")) : -1;
  }

  Later<bool> WhenReady(int count) {
    Later<bool> ready;
    runner_->WhenReady(count,
                       [called = ready.Callback()]() mutable { called(true); });
    return ready;
  }

  StudyId study_;
  std::shared_ptr<SearchRunner> runner_;
};

TEST_F(SearchRunnerTest, KeepsProposalsReadyInTheBackground) {
  EXPECT_EQ(runner_->supply(), Supply::kReady);
  EXPECT_GT(runner_->stock(), 1);
}

TEST_F(SearchRunnerTest, ProposesInOrderAndNoneTwice) {
  for (int i = 0; i < 500; ++i) {
    if (runner_->stock() == 0) core_->Settle();
    ASSERT_EQ(Take(), i);
  }
}

TEST_F(SearchRunnerTest, RefillsBeforeTheStockIsEmpty) {
  const int full = runner_->stock();
  for (int i = 0; i < full - 1; ++i) Take();
  core_->Settle();
  EXPECT_GE(runner_->stock(), full / 2);
}

TEST_F(SearchRunnerTest, KeepsAsManyReadyAsAreWanted) {
  WhenReady(200);
  core_->Settle();
  EXPECT_GE(runner_->stock(), 200);
  WhenReady(1);  // Never fewer.
  EXPECT_GE(runner_->stock(), 200);
}

TEST_F(SearchRunnerTest, WhenReadyCallsAtOnceIfThereIsEnough) {
  EXPECT_TRUE(WhenReady(1).is_there());
}

TEST_F(SearchRunnerTest, WhenReadyCallsOnceThereIsEnough) {
  const auto ready = WhenReady(300);
  core_->Settle();
  EXPECT_TRUE(ready.is_there());
  EXPECT_GE(runner_->stock(), 300);
}

TEST_F(SearchRunnerTest, WhenReadyWaitsNoLongerThanMaxWaitForTheRest) {
  core_->pool.Hold();
  const auto ready = WhenReady(300);
  EXPECT_FALSE(ready.is_there());
  core_->Advance(absl::Milliseconds(99));
  EXPECT_FALSE(ready.is_there());
  core_->Advance(absl::Milliseconds(1));
  EXPECT_TRUE(ready.is_there());
  core_->pool.Release();
}

TEST_F(SearchRunnerTest, WhenReadyWaitsForEverIfTheStudySaysSo) {
  StudySpec spec = GridSpec("patient", 1000);
  spec.max_wait = absl::InfiniteDuration();
  Start(spec);
  core_->pool.Hold();
  const auto ready = WhenReady(300);
  core_->Advance(absl::Hours(1000));
  EXPECT_FALSE(ready.is_there());
  core_->pool.Release();
  core_->Settle();
  EXPECT_TRUE(ready.is_there());
}

TEST_F(SearchRunnerTest, WhatWasTakenButNotCommittedComesAgainAfterAReset) {
  EXPECT_EQ(Take(), 0);
  EXPECT_EQ(Take(), 1);
  core_->pool.Hold();
  runner_->Reset();
  EXPECT_EQ(runner_->stock(), 0);
  core_->pool.Release();
  core_->Settle();
  EXPECT_EQ(Take(), 0);
}

TEST_F(SearchRunnerTest, WhatWasTakenIsNotProposedByALaterRefill) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Take(), i);
  core_->Settle();
  WhenReady(300);
  core_->Settle();
  EXPECT_EQ(Take(), 50);
}

TEST_F(SearchRunnerTest, WhatSettledWithoutATrialComesAgain) {
  // A promise that was not kept: the log is the truth.
  const auto taken = runner_->Take();
  runner_->Settle(taken->serial);
  WhenReady(300);
  core_->Settle();
  std::vector<int64_t> xs;
  while (runner_->stock() > 0) xs.push_back(Take());
  EXPECT_EQ(std::count(xs.begin(), xs.end(), 0), 1);
}

TEST_F(SearchRunnerTest, DropTakesTheEqualProposalOut) {
  Trial trial;
  trial.parameters = X(1);
  runner_->Drop(trial);
  EXPECT_EQ(Take(), 0);
  EXPECT_EQ(Take(), 2);
}

TEST_F(SearchRunnerTest, WhatIsDroppedIsNotProposedUntilAReset) {
  Trial trial;
  trial.parameters = X(700);  // Not in stock yet.
  runner_->Drop(trial);
  WhenReady(1000);
  core_->Settle();
  EXPECT_EQ(runner_->stock(), 999);
  runner_->Reset();
  core_->Settle();
  EXPECT_EQ(runner_->stock(), 1000);
}

TEST_F(SearchRunnerTest, SaysThatTheSpaceIsUsedUpOnceTheStockIs) {
  Start(GridSpec("small", 2));
  EXPECT_EQ(runner_->supply(), Supply::kReady);
  EXPECT_EQ(Take(), 0);
  EXPECT_EQ(Take(), 1);
  core_->Settle();
  EXPECT_EQ(runner_->supply(), Supply::kExhausted);
  EXPECT_FALSE(runner_->Take().has_value());
}

TEST_F(SearchRunnerTest, HasNothingForAStudyWithoutASpace) {
  Start(SpaceFreeSpec("free"));
  EXPECT_EQ(runner_->supply(), Supply::kNoSpace);
  EXPECT_TRUE(WhenReady(1).is_there());
  runner_->Reset();
  core_->Settle();
  EXPECT_EQ(runner_->supply(), Supply::kNoSpace);
}

TEST_F(SearchRunnerTest, SaysWhyItCannotSearch) {
  StudySpec spec = GridSpec("odd", 2);
  spec.algorithm.name = "clairvoyance";
  Start(spec);
  EXPECT_EQ(runner_->supply(), Supply::kFailed);
  EXPECT_EQ(runner_->status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(WhenReady(1).is_there());
}

TEST_F(SearchRunnerTest, AReadThatFailsOnceDoesNotEndTheSearch) {
  core_->pool.Hold();
  const StudyId study = core_->Create(GridSpec("unlucky", 10));
  runner_ = *core_->studies.Runner(study);
  core_->storage.FailReadsWhen([] { return true; });
  core_->pool.Release();
  core_->pool.WaitUntilIdle();
  EXPECT_EQ(runner_->supply(), Supply::kFailed);
  core_->storage.FailReadsWhen(nullptr);
  core_->pool.Hold();
  EXPECT_THAT(core_->Suggest(study, "c"), HasCode(StatusCode::kUnavailable));
  core_->pool.Release();
  core_->Settle();
  EXPECT_EQ(XOf(core_->Lease(study, "c").trial), 0);
}

TEST_F(SearchRunnerTest, WhoWaitsHearsThatTheRunnerRetired) {
  core_->pool.Hold();
  const auto ready = WhenReady(300);
  runner_->Retire();
  EXPECT_TRUE(ready.is_there());
  core_->pool.Release();
}

TEST_F(SearchRunnerTest, EachProposalNamesWhatItWasMadeFrom) {
  const auto taken = runner_->Take();
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->proposal.origin.strategy, "grid");
  EXPECT_EQ(taken->proposal.origin.ordinal, 0);
  EXPECT_EQ(taken->proposal.origin.seen_revision, 1);
  EXPECT_EQ(taken->proposal.origin.batch_index, 0);
  EXPECT_EQ(runner_->Take()->proposal.origin.batch_index, 1);
}

TEST_F(SearchRunnerTest, TakersOnManyThreadsGetDifferentProposals) {
  Mutex mutex;
  std::vector<int64_t> xs;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100;) {
        const auto taken = runner_->Take();
        if (!taken) {
          Later<bool> ready;
          runner_->WhenReady(
              1, [called = ready.Callback()]() mutable { called(true); });
          ready.Get();
          continue;
        }
        ++i;
        MutexLock lock(mutex);
        xs.push_back(std::get<int64_t>(taken->proposal.parameters.at("x")));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::sort(xs.begin(), xs.end());
  for (int i = 0; i < 400; ++i) ASSERT_EQ(xs[i], i);
}

// --- Early stopping ---------------------------------------------------------

TEST_F(SearchRunnerTest, WithoutARuleTheDecisionIsThereAtOnce) {
  Later<std::optional<std::string>> decision;
  runner_->Decide(TrialId{1}, {}, decision.Callback());
  ASSERT_TRUE(decision.is_there());
  EXPECT_EQ(decision.Get(), std::nullopt);
}

TEST_F(SearchRunnerTest, ARuleThatCouldNotReadTheLogDecidesAgainLater) {
  StudySpec spec = GridSpec("stopping", 10);
  spec.stopping.rules = {{.name = "patience", .patience_steps = 1}};
  Start(spec);
  const Token token = TokenOf(core_->Lease(study_, "c"));
  core_->Settle();
  core_->pool.Hold();
  ASSERT_TRUE(core_
                  ->ReportBatch(token, {{.step = 1, .metrics = {{"loss", 1}}},
                                        {.step = 2, .metrics = {{"loss", 2}}}})
                  .ok());
  // The second page cannot be read.
  int reads = 0;
  core_->storage.FailReadsWhen([&reads] { return ++reads == 2; });
  core_->pool.Release();
  core_->Settle();
  core_->storage.FailReadsWhen(nullptr);
  EXPECT_GE(reads, 2);
  EXPECT_FALSE(core_->recorder.Heartbeat(token)->should_stop);
  Later<std::optional<std::string>> decision;
  runner_->Decide(token.trial, {.revision = 3}, decision.Callback());
  EXPECT_THAT(decision.Get().value_or(""), HasSubstr("has not fallen"));
}

}  // namespace
}  // namespace assay
