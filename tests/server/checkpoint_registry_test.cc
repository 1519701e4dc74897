#include "server/checkpoint_registry.h"

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/server/checkpoint_fixture.h"

namespace assay {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class CheckpointRegistryTest : public CheckpointTest {
 protected:
  Token Lease(const std::string& client = "c1") {
    return TokenOf(core_->Lease(study_, client));
  }

  // Of the client's next attempt.
  std::shared_ptr<const Checkpoint> ResumeOf(const std::string& client) {
    return core_->Lease(study_, client).resume;
  }

  StudyId study_ = core_->Create(GridSpec("a", 100));
  const Token token_ = Lease();
};

TEST_F(CheckpointRegistryTest, MissingNamesWhatIsNotThere) {
  ASSERT_TRUE(Put("a").ok());
  EXPECT_THAT(*checkpoints_->Missing(MakeOf(token_, 1, {"a", "b", "c", "b"})),
              UnorderedElementsAre(Sha256("b"), Sha256("c")));
}

TEST_F(CheckpointRegistryTest, ACommittedOneComesBack) {
  const auto kept = Keep(token_, 9, "abc");
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->study, study_);
  EXPECT_EQ(kept->created, clock_.Now());
  EXPECT_EQ(kept->bytes, 3);
  EXPECT_EQ(checkpoints_->Get(kept->id)->manifest,
            Make(token_, 9, "abc").manifest);
  EXPECT_EQ(checkpoints_->Newest(token_.trial)->id, kept->id);
  EXPECT_EQ(*checkpoints_->GetChunk(Sha256("abc")), "abc");
}

TEST_F(CheckpointRegistryTest, WithoutItsChunksItIsRefused) {
  ASSERT_TRUE(Put("a").ok());
  EXPECT_THAT(Commit(MakeOf(token_, 1, {"a", "b"})),
              Fails(StatusCode::kFailedPrecondition,
                    "1 of 2 chunks are not here; send those that Missing"));
  EXPECT_THAT(StepsOf(token_.trial), IsEmpty());
}

TEST_F(CheckpointRegistryTest, TheSameAgainGivesTheSameAnswer) {
  const auto first = Keep(token_, 9, "abc");
  ASSERT_TRUE(first.ok()) << first.status();
  clock_.Advance(absl::Seconds(5));
  const auto again = Commit(Make(token_, 9, "abc"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->created, first->created);
  // Also once the attempt is over.
  ASSERT_TRUE(core_->Complete(token_, 0.5).ok());
  EXPECT_THAT(*checkpoints_->Missing(Make(token_, 9, "abc")), IsEmpty());
  EXPECT_EQ(Commit(Make(token_, 9, "abc"))->id, first->id);
  EXPECT_THAT(StepsOf(token_.trial), ElementsAre(9));
}

TEST_F(CheckpointRegistryTest, TheSameStepWithOtherFilesIsANewerOne) {
  ASSERT_TRUE(Keep(token_, 9, "abc").ok());
  const auto second = Keep(token_, 9, "xy");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(checkpoints_->Newest(token_.trial)->id, second->id);
}

TEST_F(CheckpointRegistryTest, AnAttemptThatIsOverLeavesNothing) {
  ASSERT_TRUE(core_->Fail(token_).ok());
  const Token next = Lease("c2");
  ASSERT_EQ(next.trial, token_.trial);
  ASSERT_TRUE(Put("abc").ok());
  EXPECT_THAT(checkpoints_->Missing(Make(token_, 9, "abc")),
              HasCode(StatusCode::kFailedPrecondition));
  EXPECT_THAT(Commit(Make(token_, 9, "abc")),
              HasCode(StatusCode::kFailedPrecondition));
  EXPECT_TRUE(Commit(Make(next, 9, "abc")).ok());
}

TEST_F(CheckpointRegistryTest, WhatIsNotThereIsNotFound) {
  EXPECT_THAT(Commit(Make({TrialId{77}, 1}, 9, "abc")),
              HasCode(StatusCode::kFailedPrecondition));  // Its chunks.
  ASSERT_TRUE(Put("abc").ok());
  EXPECT_THAT(Commit(Make({TrialId{77}, 1}, 9, "abc")),
              HasCode(StatusCode::kNotFound));
  EXPECT_THAT(Commit(Make({token_.trial, 7}, 9, "abc")),
              HasCode(StatusCode::kNotFound));
  EXPECT_THAT(checkpoints_->Newest(token_.trial),
              Fails(StatusCode::kNotFound, "has no checkpoint"));
  EXPECT_THAT(checkpoints_->GetChunk(Sha256("x")),
              HasCode(StatusCode::kNotFound));
}

TEST_F(CheckpointRegistryTest, TheNextAttemptResumesFromTheNewest) {
  ASSERT_TRUE(Keep(token_, 3, "abc").ok());
  ASSERT_TRUE(Keep(token_, 6, "xy").ok());
  ASSERT_TRUE(core_->Fail(token_).ok());
  const auto resume = ResumeOf("c2");
  ASSERT_NE(resume, nullptr);
  EXPECT_EQ(resume->step, 6);
  EXPECT_EQ(resume->attempt, 1);
  EXPECT_THAT(resume->manifest.files, SizeIs(1));
}

TEST_F(CheckpointRegistryTest, AnotherTrialStartsFromTheBeginning) {
  ASSERT_TRUE(Keep(token_, 3, "abc").ok());
  EXPECT_EQ(ResumeOf("c2"), nullptr);
}

TEST_F(CheckpointRegistryTest, AContinuedTrialResumesFromItsParent) {
  ASSERT_TRUE(Keep(token_, 3, "abc").ok());
  ASSERT_TRUE(core_->Complete(token_, 0.5).ok());
  Later<absl::Status> added;
  core_->studies.Change(
      study_,
      [&](StudyTransaction& transaction) {
        Trial child;
        child.parameters = X(1);
        child.continues = token_.trial;
        child.from_step = 3;
        return transaction.Add(child);
      },
      added.Callback());
  ASSERT_TRUE(added.Get().ok());
  core_->Settle();
  const Handout handout = core_->Lease(study_, "c2");
  ASSERT_EQ(handout.trial.continues, token_.trial);
  ASSERT_NE(handout.resume, nullptr);
  EXPECT_EQ(handout.resume->trial, token_.trial);
  // Its own, once it has one.
  ASSERT_TRUE(Keep(TokenOf(handout), 5, "xy").ok());
  ASSERT_TRUE(core_->Fail(TokenOf(handout)).ok());
  EXPECT_EQ(ResumeOf("c3")->step, 5);
}

// --- Quota ------------------------------------------------------------------

TEST_F(CheckpointRegistryTest, TheQuotaIsNamedBeforeAnythingIsSent) {
  ASSERT_TRUE(Keep(token_, 1, "abc").ok());
  const Token other = Lease("c2");
  EXPECT_THAT(checkpoints_->Missing(Make(other, 1, "wxyz")),
              Fails(StatusCode::kResourceExhausted,
                    "study \"a\": checkpoints.max_bytes: 4 bytes are wanted "
                    "beside 3 that are used; 5 are allowed"));
  ASSERT_TRUE(Put("wxyz").ok());
  EXPECT_THAT(Commit(Make(other, 1, "wxyz")),
              Fails(StatusCode::kResourceExhausted, "5 are allowed"));
  EXPECT_THAT(StepsOf(other.trial), IsEmpty());
  EXPECT_TRUE(Keep(other, 1, "xy").ok());
}

TEST_F(CheckpointRegistryTest, ChunksThatTheStudyHasCostNothing) {
  ASSERT_TRUE(Keep(token_, 1, "abcde").ok());
  const Token other = Lease("c2");
  EXPECT_TRUE(Commit(Make(other, 1, "abcde")).ok());
  EXPECT_EQ(checkpoints_->List("a", {}, {}, 10)->study_bytes, 5);
}

TEST_F(CheckpointRegistryTest, OlderOnesOfTheTrialMakeRoom) {
  ASSERT_TRUE(Keep(token_, 1, "abc").ok());
  ASSERT_TRUE(Keep(token_, 2, "xy").ok());
  EXPECT_THAT(StepsOf(token_.trial), ElementsAre(1, 2));
  const auto third = Keep(token_, 3, "uv");
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_THAT(StepsOf(token_.trial), ElementsAre(2, 3));
  EXPECT_FALSE(Has("abc"));  // At once: the quota is short.
}

TEST_F(CheckpointRegistryTest, AStudyMayNameItsOwnQuota) {
  StudySpec spec = GridSpec("large", 100);
  spec.checkpoint_bytes = 8;
  const StudyId large = core_->Create(spec);
  const Token token = TokenOf(core_->Lease(large, "c9"));
  EXPECT_TRUE(Keep(token, 1, "12345678").ok());
  EXPECT_EQ(checkpoints_->List("large", {}, {}, 10)->max_bytes, 8);
}

TEST_F(CheckpointRegistryTest, ANearlyFullDiskTakesNothing) {
  checkpoints_->HoldBack("the server's disk is nearly full");
  EXPECT_EQ(Put("abc").code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(checkpoints_->Missing(Make(token_, 1, "abc")),
              Fails(StatusCode::kResourceExhausted, "nearly full"));
  EXPECT_THAT(Commit(Make(token_, 1, "abc")),
              Fails(StatusCode::kResourceExhausted, "nearly full"));
  checkpoints_->HoldBack("");
  EXPECT_TRUE(Keep(token_, 1, "abc").ok());
}

// --- Trouble ----------------------------------------------------------------

TEST_F(CheckpointRegistryTest, ADamagedChunkIsToldToWhoFetchesIt) {
  ASSERT_TRUE(Keep(token_, 1, "abc").ok());
  const std::string name = absl::BytesToHexString(Sha256("abc"));
  std::ofstream(absl::StrCat(path_, "/", name.substr(0, 2), "/", name))
      << "abd";
  EXPECT_THAT(checkpoints_->GetChunk(Sha256("abc")),
              HasCode(StatusCode::kDataLoss));
  // Who still has it sends it again.
  EXPECT_THAT(*checkpoints_->Missing(Make(token_, 2, "abc")),
              ElementsAre(Sha256("abc")));
  EXPECT_TRUE(Keep(token_, 2, "abc").ok());
  EXPECT_EQ(*checkpoints_->GetChunk(Sha256("abc")), "abc");
}

TEST_F(CheckpointRegistryTest, AChunkThatVanishedIsAskedForAgain) {
  ASSERT_TRUE(Put("abc").ok());
  ASSERT_TRUE(folder_->Remove(Sha256("abc")).ok());
  EXPECT_THAT(Commit(Make(token_, 1, "abc")),
              HasCode(StatusCode::kFailedPrecondition));
  EXPECT_THAT(*checkpoints_->Missing(Make(token_, 1, "abc")),
              ElementsAre(Sha256("abc")));
  EXPECT_TRUE(Keep(token_, 1, "abc").ok());
}

TEST_F(CheckpointRegistryTest, AFailedWriteKeepsNothing) {
  ASSERT_TRUE(Put("abc").ok());
  core_->storage.FailWhen([] { return true; });
  EXPECT_THAT(Commit(Make(token_, 1, "abc")),
              HasCode(StatusCode::kUnavailable));
  core_->storage.FailWhen(nullptr);
  EXPECT_THAT(StepsOf(token_.trial), IsEmpty());
  EXPECT_TRUE(Commit(Make(token_, 1, "abc")).ok());
}

}  // namespace
}  // namespace assay
