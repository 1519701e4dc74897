#include "worker/checkpoints.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/fake_checkpoint_channel.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr AttemptKey kKey = {12, 1};
constexpr absl::Duration kLong = absl::Seconds(60);

class CheckpointsTest : public ::testing::Test {
 protected:
  void Start(FakeCheckpointChannel::Fault fault = nullptr) {
    auto channel = std::make_unique<FakeCheckpointChannel>(std::move(fault));
    channel_ = channel.get();
    checkpoints_ = std::make_unique<Checkpoints>(Checkpoints::Options{
        .loop = &loop_,
        .root = folder_.path() + "/checkpoints",
        .channel = std::move(channel),
        .cache = *ChunkCache::Open(folder_.path() + "/cache", 1 << 20),
        .number = [](AttemptKey key) { return key.attempt; },
        .say = [this](AttemptKey,
                      absl::string_view text) { said_ = std::string(text); }});
    ASSERT_TRUE(checkpoints_->Open(kKey).ok());
  }

  void Write(const std::string& text) {
    std::ofstream(checkpoints_->OutOf(kKey) + "/model") << text;
  }

  absl::Status Take(int64_t step) {
    std::optional<absl::Status> result;
    checkpoints_->Take(kKey, step,
                       [&](absl::Status status) { result = status; });
    EXPECT_TRUE(loop_.RunUntil([&] { return result.has_value(); }, kLong));
    return result.value_or(absl::UnknownError("no answer"));
  }

  void Finish(absl::Duration limit = kLong) {
    bool is_over = false;
    checkpoints_->Finish(kKey, limit, [&] { is_over = true; });
    EXPECT_TRUE(loop_.RunUntil([&] { return is_over; }, kLong));
  }

  TemporaryFolder folder_;
  EventLoop loop_;
  std::string said_;
  FakeCheckpointChannel* channel_ = nullptr;
  std::unique_ptr<Checkpoints> checkpoints_;
};

TEST_F(CheckpointsTest, WhatIsWrittenAfterTheAnswerIsNotInIt) {
  Start();
  Write("one");
  ASSERT_TRUE(Take(1).ok());
  Write("two and more");
  Finish();
  ASSERT_THAT(channel_->steps(), ElementsAre(1));
  EXPECT_EQ(channel_->commits()[0].manifest.files[0].size, 3);
}

TEST_F(CheckpointsTest, AnEmptyFolderIsRefused) {
  Start();
  const absl::Status status = Take(1);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ASSAY_CHECKPOINT"));
  Finish();
  EXPECT_THAT(channel_->steps(), IsEmpty());
}

TEST_F(CheckpointsTest, TroubleOfThisMachineIsNoFaultOfTheTrial) {
  Start();
  Write("one");
  // Where the copy goes lies a file.
  std::ofstream(fs::path(checkpoints_->OutOf(kKey)).parent_path() / "copy-1");
  EXPECT_TRUE(Take(1).ok());
  EXPECT_THAT(said_, HasSubstr("a checkpoint is not kept, the trial goes on"));
  Finish();
  EXPECT_THAT(channel_->steps(), IsEmpty());
}

TEST_F(CheckpointsTest, WhatIsLeftUnannouncedIsTaken) {
  Start();
  Write("one");
  checkpoints_->TakeLeft(kKey, 7);
  Finish();
  EXPECT_THAT(channel_->steps(), ElementsAre(7));
}

TEST_F(CheckpointsTest, WhatWasAnnouncedIsNotTakenTwice) {
  Start();
  Write("one");
  ASSERT_TRUE(Take(6).ok());
  checkpoints_->TakeLeft(kKey, 7);
  Finish();
  EXPECT_THAT(channel_->steps(), ElementsAre(6));
}

TEST_F(CheckpointsTest, ATrialWithoutCheckpointsEndsAtOnce) {
  Start();
  checkpoints_->TakeLeft(kKey, 7);
  Finish();
  EXPECT_THAT(channel_->steps(), IsEmpty());
  EXPECT_EQ(said_, "");
}

TEST_F(CheckpointsTest, TheEndDoesNotWaitForEver) {
  Start([](const std::string&) { return absl::UnavailableError("away"); });
  Write("one");
  ASSERT_TRUE(Take(1).ok());
  Finish(absl::Milliseconds(20));
  EXPECT_THAT(said_, HasSubstr("was not taken by the coordinator within 20ms"));
}

TEST_F(CheckpointsTest, WhoIsInAHurryWaitsNoLonger) {
  Start([](const std::string&) { return absl::UnavailableError("away"); });
  Write("one");
  ASSERT_TRUE(Take(1).ok());
  bool is_over = false;
  checkpoints_->Finish(kKey, kLong, [&] { is_over = true; });
  EXPECT_FALSE(is_over);
  checkpoints_->HurryUp();
  EXPECT_TRUE(is_over);
}

TEST_F(CheckpointsTest, AFetchedOneLiesInItsFolder) {
  Start();
  Write("one");
  ASSERT_TRUE(Take(1).ok());
  Finish();
  const AttemptKey next = {12, 2};
  std::optional<absl::Status> fetched;
  checkpoints_->Fetch(next, channel_->commits()[0],
                      [&](absl::Status status) { fetched = status; });
  ASSERT_TRUE(loop_.RunUntil([&] { return fetched.has_value(); }, kLong));
  ASSERT_TRUE(fetched->ok()) << *fetched;
  std::string text;
  std::ifstream(checkpoints_->ResumeOf(next) + "/model") >> text;
  EXPECT_EQ(text, "one");
  EXPECT_EQ(channel_->gets(), 0);  // This machine had it.
}

TEST_F(CheckpointsTest, WhatIsForgottenLeavesNoFolder) {
  Start([](const std::string&) { return absl::UnavailableError("away"); });
  Write("one");
  ASSERT_TRUE(Take(1).ok());
  checkpoints_->Forget(kKey);
  checkpoints_.reset();  // All that was ordered is done.
  EXPECT_TRUE(fs::is_empty(folder_.path() + "/checkpoints"));
}

}  // namespace
}  // namespace assay
