#include "server/chunk_keeper.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/checkpoint_fixture.h"

namespace assay {
namespace {

class ChunkKeeperTest : public CheckpointTest {
 protected:
  int Remove(const std::vector<std::string>& texts, bool is_named = false) {
    std::vector<std::string> hashes;
    for (const std::string& text : texts) hashes.push_back(Sha256(text));
    return *keeper_->RemoveUnnamed(
        hashes,
        [&](const std::string&) -> absl::StatusOr<bool> { return is_named; });
  }

  int Sweep() {
    return *keeper_->Sweep(
        [](const std::string&) -> absl::StatusOr<bool> { return false; });
  }

  void Write(const std::string& text) {
    ASSERT_TRUE(folder_->Put(Sha256(text), text).ok());
  }
};

TEST_F(ChunkKeeperTest, WhatIsHeldStaysForAnHour) {
  Write("a");
  keeper_->Hold({Sha256("a")});
  clock_.Advance(absl::Minutes(59));
  EXPECT_EQ(Remove({"a"}), 0);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Remove({"a"}), 1);
  EXPECT_FALSE(Has("a"));
}

TEST_F(ChunkKeeperTest, HoldingAgainRenews) {
  Write("a");
  keeper_->Hold({Sha256("a")});
  clock_.Advance(absl::Minutes(59));
  keeper_->Hold({Sha256("a")});
  clock_.Advance(absl::Minutes(59));
  EXPECT_EQ(Remove({"a"}), 0);
}

TEST_F(ChunkKeeperTest, WhatARowNamesStays) {
  Write("a");
  EXPECT_EQ(Remove({"a"}, /*is_named=*/true), 0);
  EXPECT_TRUE(Has("a"));
}

TEST_F(ChunkKeeperTest, ReleasedIsHeldNoMore) {
  Write("a");
  keeper_->Hold({Sha256("a")});
  keeper_->Release({Sha256("a")});
  EXPECT_EQ(Remove({"a"}), 1);
}

TEST_F(ChunkKeeperTest, WhatACrashLeftIsSweptAfterAnHour) {
  Write("left");
  Start();  // Nobody remembers who sent it.
  EXPECT_EQ(Sweep(), 0);
  clock_.Advance(absl::Minutes(59));
  keeper_->Hold({Sha256("new")});
  Write("new");
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Sweep(), 1);
  EXPECT_FALSE(Has("left"));
  EXPECT_TRUE(Has("new"));
}

TEST_F(ChunkKeeperTest, AFailureToAskKeepsEverything) {
  Write("a");
  const auto removed = keeper_->RemoveUnnamed(
      {Sha256("a")}, [](const std::string&) -> absl::StatusOr<bool> {
        return absl::UnavailableError("no disk");
      });
  EXPECT_TRUE(absl::IsUnavailable(removed.status()));
  EXPECT_TRUE(Has("a"));
  keeper_->Hold({Sha256("a")});  // It is not going for ever.
}

// The race that would lose a chunk: somebody looks for it while it is removed.
TEST_F(ChunkKeeperTest, WhoHoldsSeesNoneThatIsAboutToGo) {
  Write("a");
  std::atomic<bool> is_held = false;
  std::thread holder;
  const auto removed = keeper_->RemoveUnnamed(
      {Sha256("a")}, [&](const std::string&) -> absl::StatusOr<bool> {
        // It is going already: Hold() has to wait until it is gone.
        holder = std::thread([&] {
          keeper_->Hold({Sha256("a")});
          is_held = true;
          EXPECT_FALSE(Has("a"));
        });
        EXPECT_FALSE(is_held);
        return false;
      });
  holder.join();
  EXPECT_EQ(*removed, 1);
  EXPECT_TRUE(is_held);
}

TEST_F(ChunkKeeperTest, ManyHoldersAndRemoversAgree) {
  std::vector<std::thread> threads;
  std::atomic<int> lost = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 50; ++round) {
        const std::string text = "chunk " + std::to_string(round % 5);
        if (i % 2 == 0) {
          keeper_->Hold({Sha256(text)});
          Write(text);
          if (!Has(text)) ++lost;
        } else {
          Remove({text});
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lost, 0);
}

}  // namespace
}  // namespace assay
