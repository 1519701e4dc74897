#include "storage/file_descriptor.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace assay {

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status FileError(absl::string_view what, const std::string& path,
                       int number) {
  return absl::ErrnoToStatus(number, absl::StrCat("cannot ", what, " ", path));
}

absl::Status WriteAll(const FileDescriptor& file, absl::string_view data,
                      const std::string& path) {
  while (!data.empty()) {
    const ssize_t written = write(file.get(), data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("write", path, errno);
    data.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace assay
