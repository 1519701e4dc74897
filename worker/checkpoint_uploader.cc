#include "worker/checkpoint_uploader.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "storage/checkpoint_files.h"

namespace assay {
namespace {

// Refusals that may be of a moment: chunks that went meanwhile, a new number of
// the attempt that this worker has not heard of, a full queue.
constexpr int kMostRefusals = 5;

bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         status.code() == absl::StatusCode::kUnknown;
}

bool MayPass(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) ||
         absl::IsResourceExhausted(status) || absl::IsNotFound(status);
}

void Remove(const CheckpointSnapshot& snapshot) {
  std::error_code ignored;
  std::filesystem::remove_all(snapshot.folder, ignored);
}

}  // namespace

CheckpointUploader::CheckpointUploader(Options options)
    : options_(std::move(options)), thread_([this] { Run(); }) {}

CheckpointUploader::~CheckpointUploader() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  cancellation_.Cancel();
  changed_.NotifyAll();
  thread_.join();
  if (waiting_) Remove(*waiting_);
}

void CheckpointUploader::Add(CheckpointSnapshot snapshot) {
  std::optional<CheckpointSnapshot> dropped;
  {
    MutexLock lock(mutex_);
    dropped = std::exchange(waiting_, std::move(snapshot));
  }
  changed_.NotifyAll();
  if (dropped) Remove(*dropped);
}

void CheckpointUploader::WhenIdle(std::function<void()> done) {
  {
    MutexLock lock(mutex_);
    if (busy_ || waiting_) {
      when_idle_ = std::move(done);
      return;
    }
  }
  done();
}

std::optional<CheckpointSnapshot> CheckpointUploader::Next() {
  std::function<void()> idle;
  for (;;) {
    if (idle) std::exchange(idle, nullptr)();
    MutexLock lock(mutex_);
    busy_ = false;
    if (stopping_) return std::nullopt;
    if (waiting_) {
      busy_ = true;
      return std::exchange(waiting_, std::nullopt);
    }
    idle = std::exchange(when_idle_, nullptr);
    if (!idle) changed_.Wait(mutex_);
  }
}

bool CheckpointUploader::NewerWaits() const {
  MutexLock lock(mutex_);
  return waiting_.has_value();
}

void CheckpointUploader::Run() {
  while (const std::optional<CheckpointSnapshot> snapshot = Next()) {
    Upload(*snapshot);
    Remove(*snapshot);
  }
}

absl::StatusOr<Checkpoint> CheckpointUploader::Read(
    const CheckpointSnapshot& snapshot) {
  Checkpoint checkpoint;
  checkpoint.trial = {options_.trial};
  checkpoint.step = snapshot.step;
  ASSAY_ASSIGN_OR_RETURN(
      checkpoint.manifest,
      ReadManifest(snapshot.folder,
                   [this](const std::string& hash,
                          absl::string_view data) -> absl::Status {
                     if (cancellation_.cancelled()) {
                       return absl::CancelledError("");
                     }
                     if (options_.cache != nullptr) {
                       options_.cache->Put(hash, data);
                     }
                     return absl::OkStatus();
                   }));
  return checkpoint;
}

absl::Status CheckpointUploader::Send(const CheckpointSnapshot& snapshot,
                                      const Checkpoint& checkpoint,
                                      const std::vector<std::string>& missing) {
  std::set<std::string> left(missing.begin(), missing.end());
  for (const CheckpointFile& file : checkpoint.manifest.files) {
    for (size_t i = 0; i < file.chunks.size(); ++i) {
      if (left.erase(file.chunks[i]) == 0) continue;
      ASSAY_ASSIGN_OR_RETURN(const std::string data,
                             ReadChunk(snapshot.folder, file, i));
      ASSAY_RETURN_IF_ERROR(
          options_.channel->PutChunk(file.chunks[i], data, cancellation_));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckpointUploader::TryOnce(const CheckpointSnapshot& snapshot,
                                         Checkpoint& checkpoint) {
  checkpoint.attempt = options_.attempt();
  ASSAY_ASSIGN_OR_RETURN(const std::vector<std::string> missing,
                         options_.channel->Missing(checkpoint, cancellation_));
  ASSAY_RETURN_IF_ERROR(Send(snapshot, checkpoint, missing));
  return options_.channel->Commit(checkpoint, cancellation_);
}

void CheckpointUploader::Upload(const CheckpointSnapshot& snapshot) {
  absl::StatusOr<Checkpoint> checkpoint = Read(snapshot);
  absl::Status status = checkpoint.status();
  int refusals = 0;
  absl::Duration wait = options_.first_retry;
  while (checkpoint.ok()) {
    status = TryOnce(snapshot, *checkpoint);
    if (status.ok() || cancellation_.cancelled()) break;
    const bool again =
        IsAway(status) || (MayPass(status) && ++refusals < kMostRefusals);
    if (!again || NewerWaits()) break;
    if (!cancellation_.Wait(wait)) break;
    wait = std::min(wait * 2, options_.last_retry);
  }
  if (status.ok() || cancellation_.cancelled() || IsAway(status)) return;
  // Once, not for each checkpoint.
  if (std::exchange(last_said_, std::string(status.message())) ==
      status.message()) {
    return;
  }
  options_.say(absl::StrCat(
      "the checkpoint of step ", snapshot.step,
      " is not kept, the trial goes on: ", std::string(status.message())));
}

}  // namespace assay
