#include "worker/checkpoint_uploader.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/base/sha256.h"
#include "tests/worker/fake_checkpoint_channel.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CheckpointUploaderTest : public ::testing::Test {
 protected:
  void Start(FakeCheckpointChannel::Fault fault = nullptr) {
    channel_ = std::make_unique<FakeCheckpointChannel>(std::move(fault));
    uploader_ =
        std::make_unique<CheckpointUploader>(CheckpointUploader::Options{
            .channel = channel_.get(),
            .trial = 12,
            .attempt = [this] { return number_.load(); },
            .say = [this](const std::string& text) { said_.push_back(text); },
            .first_retry = absl::Milliseconds(1),
            .last_retry = absl::Milliseconds(2)});
  }

  // A snapshot of one file.
  CheckpointSnapshot Snapshot(int64_t step, const std::string& text) {
    CheckpointSnapshot snapshot = {folder_.path() + "/" + std::to_string(step),
                                   step};
    fs::create_directories(snapshot.folder);
    std::ofstream(snapshot.folder + "/model", std::ios::binary) << text;
    return snapshot;
  }

  void WaitUntilIdle() {
    std::promise<void> idle;
    uploader_->WhenIdle([&] { idle.set_value(); });
    idle.get_future().wait();
  }

  TemporaryFolder folder_;
  std::atomic<int32_t> number_ = 3;
  std::vector<std::string> said_;  // Read once the uploader is idle.
  std::unique_ptr<FakeCheckpointChannel> channel_;
  std::unique_ptr<CheckpointUploader> uploader_;
};

TEST_F(CheckpointUploaderTest, ASnapshotIsSentAndRemoved) {
  Start();
  const CheckpointSnapshot snapshot = Snapshot(9, "weights");
  uploader_->Add(snapshot);
  WaitUntilIdle();
  ASSERT_THAT(channel_->commits(), SizeIs(1));
  const Checkpoint commit = channel_->commits()[0];
  EXPECT_EQ(commit.trial, TrialId{12});
  EXPECT_EQ(commit.attempt, 3);
  EXPECT_EQ(commit.step, 9);
  EXPECT_EQ(commit.manifest.files[0].path, "model");
  EXPECT_FALSE(fs::exists(snapshot.folder));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(CheckpointUploaderTest, OnlyWhatChangedIsSentAgain) {
  Start();
  const std::string same(kChunkBytes, 'x');
  uploader_->Add(Snapshot(1, same + "one"));
  WaitUntilIdle();
  uploader_->Add(Snapshot(2, same + "two"));
  WaitUntilIdle();
  EXPECT_THAT(channel_->puts(),
              ElementsAre(Sha256(same), Sha256("one"), Sha256("two")));
}

TEST_F(CheckpointUploaderTest, OnlyTheNewestOfThoseThatWaitIsSent) {
  std::promise<void> started, go_on;
  std::shared_future<void> may_go_on = go_on.get_future().share();
  std::atomic<bool> is_first = true;
  Start([&](const std::string&) {
    if (is_first.exchange(false)) {
      started.set_value();
      may_go_on.wait();
    }
    return absl::OkStatus();
  });
  uploader_->Add(Snapshot(1, "a"));
  started.get_future().wait();
  const CheckpointSnapshot dropped = Snapshot(2, "b");
  uploader_->Add(dropped);
  uploader_->Add(Snapshot(3, "c"));
  EXPECT_FALSE(fs::exists(dropped.folder));
  go_on.set_value();
  WaitUntilIdle();
  EXPECT_THAT(channel_->steps(), ElementsAre(1, 3));
}

TEST_F(CheckpointUploaderTest, ABrokenConnectionGoesOnWithWhatIsMissing) {
  std::atomic<int> calls = 0;
  Start([&](const std::string& call) {
    return call == "PutChunk" && ++calls == 2
               ? absl::UnavailableError("connection reset")
               : absl::OkStatus();
  });
  const std::string first(kChunkBytes, 'x');
  uploader_->Add(Snapshot(5, first + "second"));
  WaitUntilIdle();
  EXPECT_THAT(channel_->steps(), ElementsAre(5));
  EXPECT_THAT(channel_->puts(), ElementsAre(Sha256(first), Sha256("second")));
}

TEST_F(CheckpointUploaderTest, ACoordinatorThatIsAwayIsWaitedFor) {
  std::atomic<int> calls = 0;
  Start([&](const std::string&) {
    return ++calls < 50 ? absl::UnavailableError("refused") : absl::OkStatus();
  });
  uploader_->Add(Snapshot(5, "a"));
  WaitUntilIdle();
  EXPECT_THAT(channel_->steps(), ElementsAre(5));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(CheckpointUploaderTest, AChunkThatVanishedIsSentAgain) {
  std::atomic<bool> is_lost = false;
  Start([&](const std::string& call) {
    if (call == "Commit" && !is_lost.exchange(true)) {
      channel_->Lose(Sha256("a"));
    }
    return absl::OkStatus();
  });
  uploader_->Add(Snapshot(5, "a"));
  WaitUntilIdle();
  EXPECT_THAT(channel_->steps(), ElementsAre(5));
  EXPECT_THAT(channel_->puts(), ElementsAre(Sha256("a"), Sha256("a")));
}

TEST_F(CheckpointUploaderTest, AQuotaIsToldOnceAndTheNextIsTriedAgain) {
  std::atomic<bool> is_full = true;
  Start([&](const std::string& call) {
    return call == "Missing" && is_full
               ? absl::ResourceExhaustedError("checkpoints.max_bytes: 5")
               : absl::OkStatus();
  });
  uploader_->Add(Snapshot(1, "a"));
  WaitUntilIdle();
  uploader_->Add(Snapshot(2, "b"));
  WaitUntilIdle();
  ASSERT_THAT(said_, SizeIs(1));
  EXPECT_THAT(said_[0], HasSubstr("step 1 is not kept, the trial goes on: "
                                  "checkpoints.max_bytes: 5"));
  is_full = false;
  uploader_->Add(Snapshot(3, "c"));
  WaitUntilIdle();
  EXPECT_THAT(channel_->steps(), ElementsAre(3));
}

TEST_F(CheckpointUploaderTest, ANewNumberOfTheAttemptIsUsed) {
  Start([&](const std::string& call) {
    if (call == "Missing" && number_ == 3) {
      number_ = 4;
      return absl::FailedPreconditionError("attempt 3 is over");
    }
    return absl::OkStatus();
  });
  uploader_->Add(Snapshot(1, "a"));
  WaitUntilIdle();
  ASSERT_THAT(channel_->commits(), SizeIs(1));
  EXPECT_EQ(channel_->commits()[0].attempt, 4);
}

TEST_F(CheckpointUploaderTest, TheEndGivesUpAndLeavesNoFolder) {
  std::promise<void> started;
  std::atomic<bool> is_first = true;
  Start([&](const std::string&) {
    if (is_first.exchange(false)) started.set_value();
    return absl::UnavailableError("away");
  });
  const CheckpointSnapshot first = Snapshot(1, "a");
  uploader_->Add(first);
  started.get_future().wait();
  uploader_.reset();
  EXPECT_FALSE(fs::exists(first.folder));
}

}  // namespace
}  // namespace assay
