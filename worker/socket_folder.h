#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/descriptor.h"

namespace assay {

// A folder of sockets that only this user can enter, in XDG_RUNTIME_DIR or /tmp
// because the path of a socket holds 107 bytes. Locked (flock) as long as its
// owner lives, so that whoever comes later can tell what a killed one left.
class SocketFolder {
 public:
  // First removes the folders of this user whose owners died.
  static absl::StatusOr<std::unique_ptr<SocketFolder>> Create();

  // Removes it.
  ~SocketFolder();
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  SocketFolder(std::string path, Descriptor lock);

  const std::string path_;
  const Descriptor lock_;
};

}  // namespace assay
