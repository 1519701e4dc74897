#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace assay {

// A folder for a socket: only this user can enter it, and its name is short,
// since a socket's path holds 107 bytes. Removed with the object.
class PrivateFolder {
 public:
  // In XDG_RUNTIME_DIR, or in /tmp if that is not there or too long.
  static absl::StatusOr<std::unique_ptr<PrivateFolder>> Create();

  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path);

  const std::string path_;
};

}  // namespace assay
