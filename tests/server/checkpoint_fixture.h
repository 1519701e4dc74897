#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/base/sha256.h"
#include "search/checkpoint.h"
#include "server/checkpoint_collector.h"
#include "server/checkpoint_registry.h"
#include "server/chunk_keeper.h"
#include "server/metrics.h"
#include "storage/chunk_folder.h"
#include "tests/server/server_fixture.h"

namespace assay {

// A core that keeps checkpoints, of at most five small chunks a study.
class CheckpointTest : public CoreTest {
 protected:
  static constexpr int64_t kQuota = 5;

  CheckpointTest() {
    std::string pattern =
        std::filesystem::temp_directory_path() / "chunks-XXXXXX";
    path_ = mkdtemp(pattern.data());
    auto folder = ChunkFolder::Open(path_, ChunkFolder::Sync::kDurable);
    EXPECT_TRUE(folder.ok()) << folder.status();
    folder_ = *std::move(folder);
    Start();
  }
  ~CheckpointTest() override {
    if (core_) core_->Settle();
    std::filesystem::remove_all(path_);
  }

  // The parts of a server, as after its start.
  void Start() {
    keeper_.emplace(*folder_, clock_);
    checkpoints_.emplace(CheckpointRegistry::Parts{
        core_->studies, core_->storage, core_->leases, clock_, core_->pool,
        *folder_, *keeper_, metrics_, kQuota});
    collector_.emplace(
        CheckpointCollector::Parts{core_->studies, core_->storage, clock_,
                                   core_->pool, *checkpoints_, metrics_});
  }

  // One file with these bytes: one chunk.
  static Checkpoint Make(Token token, int64_t step, const std::string& text) {
    return MakeOf(token, step, {text});
  }
  static Checkpoint MakeOf(Token token, int64_t step,
                           const std::vector<std::string>& texts) {
    Checkpoint checkpoint;
    checkpoint.trial = token.trial;
    checkpoint.attempt = token.attempt;
    checkpoint.step = step;
    for (const std::string& text : texts) {
      checkpoint.manifest.files.push_back(
          {.path = "file-" + std::to_string(checkpoint.files++),
           .size = static_cast<int64_t>(text.size()),
           .chunks = {Sha256(text)}});
      checkpoint.bytes += static_cast<int64_t>(text.size());
    }
    return checkpoint;
  }

  absl::Status Put(const std::string& text) {
    return checkpoints_->PutChunk(Sha256(text), text);
  }

  absl::StatusOr<Checkpoint> Commit(const Checkpoint& checkpoint) {
    Later<absl::StatusOr<Checkpoint>> later;
    checkpoints_->Commit(checkpoint, later.Callback());
    const auto result = later.Get();
    core_->Settle();
    return result;
  }

  // Uploads and commits one of one chunk.
  absl::StatusOr<Checkpoint> Keep(Token token, int64_t step,
                                  const std::string& text) {
    EXPECT_TRUE(Put(text).ok());
    return Commit(Make(token, step, text));
  }

  bool Has(const std::string& text) const {
    return folder_->Has(Sha256(text), static_cast<int64_t>(text.size()));
  }

  // What is kept of the trial, by rising id.
  std::vector<int64_t> StepsOf(TrialId trial) {
    std::vector<int64_t> steps;
    const auto page = checkpoints_->List("", trial, {}, 100);
    EXPECT_TRUE(page.ok()) << page.status();
    for (const Checkpoint& checkpoint : page->checkpoints) {
      steps.push_back(checkpoint.step);
    }
    return steps;
  }

  void Collect() {
    collector_->Collect();
    core_->Settle();
  }

  std::string path_;
  std::unique_ptr<ChunkFolder> folder_;
  ServerMetrics metrics_{absl::FromUnixSeconds(1'700'000'000)};
  std::optional<ChunkKeeper> keeper_;
  std::optional<CheckpointRegistry> checkpoints_;
  std::optional<CheckpointCollector> collector_;
};

}  // namespace assay
