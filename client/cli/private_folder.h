#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace assay {

// A folder for a socket: only this user can enter it, and its name is short,
// since a socket's path holds 107 bytes. Locked (flock) as long as the program
// lives, so that the next can tell what a killed one left. Removed with the
// object.
class PrivateFolder {
 public:
  // In XDG_RUNTIME_DIR, or in /tmp if that is not there or too long. First
  // removes there what killed programs of this user left.
  static absl::StatusOr<std::unique_ptr<PrivateFolder>> Create();

  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  PrivateFolder(std::string path, int lock);

  const std::string path_;
  const int lock_;  // A file descriptor.
};

}  // namespace assay
