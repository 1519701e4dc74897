#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace assay {

// Holds `folder`/assay.lock (flock) as long as it lives: one server a folder.
// The kernel lets go of it however the process ends. The file holds the pid.
class FolderLock {
 public:
  // Creates the folder (only its owner may enter) and its parents.
  // FailedPrecondition if another server holds the lock, naming its pid, or
  // `folder` is something else; PermissionDenied if it cannot be written.
  static absl::StatusOr<FolderLock> Take(const std::string& folder);

  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;  // -1: moved from.
};

// Makes the names in the folder survive a power cut.
absl::Status SyncFolder(const std::string& folder);

}  // namespace assay
