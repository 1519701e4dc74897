#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/base/mutex.h"
#include "search/checkpoint.h"
#include "worker/checkpoint_channel.h"

namespace assay {

// A coordinator that keeps chunks and checkpoints, and may be told to fail.
class FakeCheckpointChannel final : public CheckpointChannel {
 public:
  // Asked before each call with its name ("Missing", "PutChunk", "Commit",
  // "GetChunk"): what it fails with. From the caller's thread, without locks.
  using Fault = std::function<absl::Status(const std::string& call)>;

  explicit FakeCheckpointChannel(Fault fault = nullptr)
      : fault_(std::move(fault)) {}

  absl::StatusOr<std::vector<std::string>> Missing(
      const Checkpoint& checkpoint, Cancellation& cancellation) override {
    if (absl::Status bad = Call("Missing", cancellation); !bad.ok()) return bad;
    std::vector<std::string> missing;
    MutexLock lock(mutex_);
    for (const auto& [hash, size] : ChunksOf(checkpoint.manifest)) {
      if (!chunks_.contains(hash)) missing.push_back(hash);
    }
    return missing;
  }

  absl::Status PutChunk(const std::string& hash, absl::string_view data,
                        Cancellation& cancellation) override {
    if (absl::Status bad = Call("PutChunk", cancellation); !bad.ok())
      return bad;
    MutexLock lock(mutex_);
    puts_.push_back(hash);
    chunks_[hash] = std::string(data);
    return absl::OkStatus();
  }

  absl::Status Commit(const Checkpoint& checkpoint,
                      Cancellation& cancellation) override {
    if (absl::Status bad = Call("Commit", cancellation); !bad.ok()) return bad;
    MutexLock lock(mutex_);
    for (const auto& [hash, size] : ChunksOf(checkpoint.manifest)) {
      if (!chunks_.contains(hash)) {
        return absl::FailedPreconditionError("chunks are missing");
      }
    }
    commits_.push_back(checkpoint);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> GetChunk(const std::string& hash,
                                       Cancellation& cancellation) override {
    if (absl::Status bad = Call("GetChunk", cancellation); !bad.ok())
      return bad;
    MutexLock lock(mutex_);
    ++gets_;
    const auto found = chunks_.find(hash);
    if (found == chunks_.end()) return absl::NotFoundError("no such chunk");
    return found->second;
  }

  std::vector<Checkpoint> commits() const {
    MutexLock lock(mutex_);
    return commits_;
  }
  std::vector<int64_t> steps() const {
    std::vector<int64_t> steps;
    for (const Checkpoint& commit : commits()) steps.push_back(commit.step);
    return steps;
  }
  std::vector<std::string> puts() const {
    MutexLock lock(mutex_);
    return puts_;
  }
  int gets() const {
    MutexLock lock(mutex_);
    return gets_;
  }
  void Lose(const std::string& hash) {
    MutexLock lock(mutex_);
    chunks_.erase(hash);
  }

 private:
  absl::Status Call(const std::string& name, Cancellation& cancellation) {
    if (cancellation.cancelled()) return absl::CancelledError("");
    return fault_ ? fault_(name) : absl::OkStatus();
  }

  const Fault fault_;
  mutable Mutex mutex_;
  std::map<std::string, std::string> chunks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> puts_ ABSL_GUARDED_BY(mutex_);
  std::vector<Checkpoint> commits_ ABSL_GUARDED_BY(mutex_);
  int gets_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace assay
