#include "server/checkpoint_collector.h"

#include <string>

#include "search/checkpoint_retention.h"
#include "tests/server/checkpoint_fixture.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CheckpointCollectorTest : public CheckpointTest {
 protected:
  Token Lease(const std::string& client = "c1") {
    return TokenOf(core_->Lease(study_, client));
  }

  // Long enough that whatever is not needed is gone.
  void CollectLater() {
    Collect();
    clock_.Advance(kCheckpointGrace);
    Collect();
  }

  // A trial that waits and continues this one.
  void AddChild(Token parent) {
    Later<absl::Status> added;
    core_->studies.Change(
        study_,
        [&](StudyTransaction& transaction) {
          Trial child;
          child.parameters = X(50);
          child.continues = parent.trial;
          return transaction.Add(child);
        },
        added.Callback());
    ASSERT_TRUE(added.Get().ok());
    core_->Settle();
  }

  StudyId study_ = core_->Create(GridSpec("a", 100));
};

TEST_F(CheckpointCollectorTest, OfARunningTrialTheNewestStays) {
  const Token token = Lease();
  ASSERT_TRUE(Keep(token, 1, "a").ok());
  ASSERT_TRUE(Keep(token, 2, "b").ok());
  Collect();
  EXPECT_THAT(StepsOf(token.trial), ElementsAre(1, 2));
  clock_.Advance(kCheckpointGrace - absl::Seconds(1));
  Collect();
  EXPECT_THAT(StepsOf(token.trial), ElementsAre(1, 2));
  clock_.Advance(absl::Seconds(1));
  Collect();
  EXPECT_THAT(StepsOf(token.trial), ElementsAre(2));
  EXPECT_FALSE(Has("a"));
  EXPECT_TRUE(Has("b"));
}

TEST_F(CheckpointCollectorTest, AChunkThatANewerOneHasTooStays) {
  const Token token = Lease();
  ASSERT_TRUE(Put("a").ok());
  ASSERT_TRUE(Put("b").ok());
  ASSERT_TRUE(Commit(MakeOf(token, 1, {"a", "b"})).ok());
  ASSERT_TRUE(Commit(MakeOf(token, 2, {"a"})).ok());
  CollectLater();
  EXPECT_TRUE(Has("a"));
  EXPECT_FALSE(Has("b"));
}

TEST_F(CheckpointCollectorTest, OfFinishedTrialsOnlyTheBestKeepsItsOwn) {
  const Token good = Lease("c1"), bad = Lease("c2"), failed = Lease("c3");
  ASSERT_TRUE(Keep(good, 9, "a").ok());
  ASSERT_TRUE(Keep(bad, 9, "b").ok());
  ASSERT_TRUE(Keep(failed, 9, "c").ok());
  ASSERT_TRUE(core_->Complete(good, 0.1).ok());
  ASSERT_TRUE(core_->Complete(bad, 0.9).ok());
  ASSERT_TRUE(core_
                  ->Finish({.token = failed,
                            .end = End::kFatal,
                            .reason = "wrong configuration"})
                  .ok());
  CollectLater();
  EXPECT_THAT(StepsOf(good.trial), ElementsAre(9));
  EXPECT_THAT(StepsOf(bad.trial), IsEmpty());
  EXPECT_THAT(StepsOf(failed.trial), IsEmpty());
}

TEST_F(CheckpointCollectorTest, ATrialThatWaitsForItsNextAttemptKeepsItsOwn) {
  const Token token = Lease();
  ASSERT_TRUE(Keep(token, 4, "a").ok());
  ASSERT_TRUE(core_->Fail(token).ok());
  CollectLater();
  EXPECT_THAT(StepsOf(token.trial), ElementsAre(4));
}

TEST_F(CheckpointCollectorTest, AnUnfinishedChildKeepsItsParents) {
  const Token best = Lease("c1"), parent = Lease("c2");
  ASSERT_TRUE(core_->Complete(best, 0.1).ok());
  ASSERT_TRUE(Keep(parent, 3, "a").ok());
  ASSERT_TRUE(core_->Complete(parent, 0.9).ok());
  AddChild(parent);
  CollectLater();
  EXPECT_THAT(StepsOf(parent.trial), ElementsAre(3));
  const Token child = Lease("c3");
  ASSERT_TRUE(core_->Complete(child, 0.8).ok());
  CollectLater();
  EXPECT_THAT(StepsOf(parent.trial), IsEmpty());
}

TEST_F(CheckpointCollectorTest, WhatIsNeededAgainIsKept) {
  const Token best = Lease("c1"), parent = Lease("c2");
  ASSERT_TRUE(core_->Complete(best, 0.1).ok());
  ASSERT_TRUE(Keep(parent, 9, "a").ok());
  ASSERT_TRUE(core_->Complete(parent, 0.5).ok());
  Collect();
  EXPECT_NE(checkpoints_->Newest(parent.trial)->unneeded_since, std::nullopt);
  AddChild(parent);
  clock_.Advance(kCheckpointGrace);
  Collect();
  EXPECT_EQ(checkpoints_->Newest(parent.trial)->unneeded_since, std::nullopt);
}

TEST_F(CheckpointCollectorTest, ADeletedStudyKeepsNothing) {
  const Token token = Lease();
  ASSERT_TRUE(Keep(token, 9, "a").ok());
  ASSERT_TRUE(core_->Complete(token, 0.1).ok());
  ASSERT_TRUE(core_->Delete(study_).ok());
  CollectLater();
  EXPECT_FALSE(Has("a"));
}

// A chain may go back to it until the run after it was good enough for another.
TEST_F(CheckpointCollectorTest, AChainKeepsTwoOfItsRuns) {
  StudySpec spec = GridSpec("chain", 100);
  spec.space = *SearchSpace::Create({{"x", DoubleDomain{}, {}, {}}});
  spec.algorithm.name = "random";
  spec.gradients.metric = spec.metrics[0].name;
  spec.schedule = {.name = "gradient",
                   .max_steps = 9,
                   .population = {.size = 1, .interval = 3}};
  study_ = core_->Create(spec);
  std::vector<Token> runs;
  for (int64_t run = 0; run < 3; ++run) {
    runs.push_back(Lease());
    const std::string text(1, static_cast<char>('a' + run));
    ASSERT_TRUE(Keep(runs.back(), 3 * (run + 1), text).ok());
    ASSERT_TRUE(core_->Complete(runs.back(), 0.5 - 0.1 * run).ok());
    CollectLater();
    EXPECT_THAT(StepsOf(runs[0].trial), run < 2 ? SizeIs(1) : SizeIs(0));
  }
  EXPECT_THAT(StepsOf(runs[1].trial), ElementsAre(6));
  EXPECT_THAT(StepsOf(runs[2].trial), ElementsAre(9)) << "the best";
}

// The worse of two goes on from the better one's: its own first run is over.
TEST_F(CheckpointCollectorTest, WhatAMemberLeftForACopyGoes) {
  StudySpec spec = GridSpec("population", 100);
  spec.space = *SearchSpace::Create({{"x", DoubleDomain{}, {}, {}}});
  spec.algorithm.name = "random";
  spec.schedule = {
      .name = "pbt", .max_steps = 9, .population = {.size = 2, .interval = 3}};
  study_ = core_->Create(spec);
  const Token good = Lease("c1"), bad = Lease("c2");
  ASSERT_TRUE(Keep(good, 3, "a").ok());
  ASSERT_TRUE(Keep(bad, 3, "b").ok());
  ASSERT_TRUE(core_->Complete(good, 0.1).ok());
  ASSERT_TRUE(core_->Complete(bad, 0.9).ok());
  core_->Settle();
  Lease("c1");
  const Token copy = Lease("c2");
  ASSERT_EQ(core_->TrialOf(copy.trial).continues, good.trial);
  ASSERT_TRUE(Keep(copy, 6, "c").ok());
  CollectLater();
  EXPECT_THAT(StepsOf(bad.trial), ElementsAre(3)) << "the copy may fail";
  ASSERT_TRUE(core_->Complete(copy, 0.5).ok());
  CollectLater();
  EXPECT_THAT(StepsOf(bad.trial), IsEmpty());
  EXPECT_THAT(StepsOf(good.trial), ElementsAre(3)) << "its own next run";
  EXPECT_THAT(StepsOf(copy.trial), ElementsAre(6));
}

// A chunk that somebody is about to commit outlives the checkpoint that had it.
TEST_F(CheckpointCollectorTest, AChunkThatIsAskedForIsNotRemoved) {
  const Token token = Lease("c1"), other = Lease("c2");
  ASSERT_TRUE(Keep(token, 1, "a").ok());
  ASSERT_TRUE(Keep(token, 2, "b").ok());
  Collect();
  clock_.Advance(kCheckpointGrace);
  ASSERT_TRUE(checkpoints_->Missing(Make(other, 1, "a"))->empty());
  Collect();
  EXPECT_THAT(StepsOf(token.trial), ElementsAre(2));
  EXPECT_TRUE(Has("a"));
  EXPECT_TRUE(Commit(Make(other, 1, "a")).ok());
}

TEST_F(CheckpointCollectorTest, WhatIsUploadedAndNeverCommittedGoes) {
  ASSERT_TRUE(Put("a").ok());
  clock_.Advance(kChunkGrace);
  Collect();
  EXPECT_FALSE(Has("a"));
}

TEST_F(CheckpointCollectorTest, WhatACrashLeftGoesAnHourAfterTheRestart) {
  const Token token = Lease();
  ASSERT_TRUE(Keep(token, 1, "kept").ok());
  ASSERT_TRUE(folder_->Put(Sha256("left"), "left").ok());
  Start();
  Collect();
  EXPECT_TRUE(Has("left"));
  clock_.Advance(kChunkGrace);
  Collect();
  EXPECT_FALSE(Has("left"));
  EXPECT_TRUE(Has("kept"));
}

}  // namespace
}  // namespace assay
