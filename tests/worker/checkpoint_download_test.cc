#include "worker/checkpoint_download.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/base/sha256.h"
#include "tests/worker/fake_checkpoint_channel.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

class CheckpointDownloadTest : public ::testing::Test {
 protected:
  CheckpointDownloadTest()
      : cache_(*ChunkCache::Open(folder_.path() + "/cache", 1 << 20)) {}

  void Start(FakeCheckpointChannel::Fault fault = nullptr) {
    channel_ = std::make_unique<FakeCheckpointChannel>(std::move(fault));
    for (const char* text : {"weights", "rest"}) {
      channel_->PutChunk(Sha256(text), text, cancellation_).IgnoreError();
    }
  }

  absl::Status Fetch() {
    fs::remove_all(to_);
    Checkpoint checkpoint;
    checkpoint.manifest.files = {
        {.path = "model", .size = 7, .chunks = {Sha256("weights")}},
        {.path = "state/rest", .size = 4, .chunks = {Sha256("rest")}}};
    return Download(checkpoint, to_, *channel_, *cache_, cancellation_,
                    {.patience = absl::Seconds(60),
                     .first_retry = absl::Milliseconds(1),
                     .last_retry = absl::Milliseconds(1)});
  }

  TemporaryFolder folder_;
  const std::string to_ = folder_.path() + "/resume";
  std::unique_ptr<ChunkCache> cache_;
  Cancellation cancellation_;
  std::unique_ptr<FakeCheckpointChannel> channel_;
};

TEST_F(CheckpointDownloadTest, FilesAreMadeAndChunksAreFetchedOnce) {
  Start();
  ASSERT_TRUE(Fetch().ok());
  std::string text;
  std::ifstream(to_ + "/state/rest") >> text;
  EXPECT_EQ(text, "rest");
  EXPECT_EQ(channel_->gets(), 2);
  ASSERT_TRUE(Fetch().ok());
  EXPECT_EQ(channel_->gets(), 2);  // From the cache.
}

TEST_F(CheckpointDownloadTest, ADamagedChunkIsTriedAgain) {
  std::atomic<int> calls = 0;
  Start([&](const std::string& call) {
    return call == "GetChunk" && ++calls < 3 ? absl::DataLossError("damaged")
                                             : absl::OkStatus();
  });
  EXPECT_TRUE(Fetch().ok());
}

TEST_F(CheckpointDownloadTest, AMissingChunkEndsItAndLeavesNothing) {
  Start();
  channel_->Lose(Sha256("rest"));
  EXPECT_EQ(Fetch().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(to_));
}

TEST_F(CheckpointDownloadTest, ACoordinatorThatIsAwayIsWaitedFor) {
  std::atomic<int> calls = 0;
  Start([&](const std::string& call) {
    return call == "GetChunk" && ++calls < 30 ? absl::UnavailableError("away")
                                              : absl::OkStatus();
  });
  EXPECT_TRUE(Fetch().ok());
}

TEST_F(CheckpointDownloadTest, ItCanBeCancelled) {
  Start([&](const std::string& call) {
    if (call != "GetChunk") return absl::OkStatus();
    cancellation_.Cancel();
    return absl::UnavailableError("away");
  });
  EXPECT_EQ(Fetch().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(fs::exists(to_));
}

}  // namespace
}  // namespace assay
