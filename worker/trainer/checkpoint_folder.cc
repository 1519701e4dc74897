#include "worker/trainer/checkpoint_folder.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace assay {

CheckpointFolder::CheckpointFolder(std::string folder, double every_seconds,
                                   Progress& progress)
    : folder_(std::move(folder)),
      interval_(every_seconds),
      progress_(progress),
      last_(std::chrono::steady_clock::now()) {}

bool CheckpointFolder::Due(double periods) const {
  if (folder_.empty() || interval_.count() == 0) return false;
  const auto age = std::chrono::steady_clock::now() - last_;
  return age >= periods * interval_ && progress_.CheckpointAnswered();
}

void CheckpointFolder::Save(int64_t step, const Write& write) {
  const Done written = WriteWhole(write);
  last_ = std::chrono::steady_clock::now();
  if (written.ok()) return progress_.AnnounceCheckpoint(step);
  progress_.Note("No checkpoint at step " + std::to_string(step) + ": " +
                 written.error().message);
}

void CheckpointFolder::SaveLast(int64_t step, const Write& write) {
  if (folder_.empty()) return;
  progress_.AwaitCheckpoint();
  Save(step, write);
  progress_.AwaitCheckpoint();
}

Done CheckpointFolder::WriteWhole(const Write& write) const {
  const std::filesystem::path whole =
      std::filesystem::path(folder_) / kCheckpointFile;
  const std::filesystem::path part = whole.string() + ".part";
  std::error_code error;
  Done written = write(part);
  if (written.ok()) std::filesystem::rename(part, whole, error);
  if (written.ok() && !error) return written;
  std::error_code ignored;
  std::filesystem::remove(part, ignored);
  if (!written.ok()) return written;
  return Failure(whole.string() + ": " + error.message());
}

}  // namespace assay
