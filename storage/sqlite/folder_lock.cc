#include "storage/sqlite/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::Status SystemError(const std::string& what, int code) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(code));
  switch (code) {
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
      return absl::UnavailableError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

absl::Status MakeFolder(const std::string& folder) {
  const std::filesystem::path path = folder;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  if (path.has_parent_path()) {
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) return SystemError(path.parent_path(), error.value());
  }
  if (mkdir(folder.c_str(), 0700) == 0) {
    return SyncFolder(path.has_parent_path() ? path.parent_path().string()
                                             : ".");
  }
  if (errno == EEXIST) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": is not a folder"));
  }
  return SystemError(folder, errno);
}

std::string ReadHolder(int descriptor) {
  std::array<char, 32> text = {};
  const ssize_t size = pread(descriptor, text.data(), text.size() - 1, 0);
  if (size <= 0) return "unknown";
  return std::string(
      absl::StripAsciiWhitespace(absl::string_view(text.data(), size)));
}

absl::Status WriteHolder(int descriptor, const std::string& path) {
  const std::string text = absl::StrCat(getpid(), "\n");
  const auto size = static_cast<ssize_t>(text.size());
  if (ftruncate(descriptor, 0) == 0 &&
      pwrite(descriptor, text.data(), text.size(), 0) == size) {
    return absl::OkStatus();
  }
  return SystemError(path, errno);
}

}  // namespace

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& folder) {
  if (folder.empty()) return absl::InvalidArgumentError("no folder is named");
  std::string trimmed = folder;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  ASSAY_RETURN_IF_ERROR(MakeFolder(trimmed));
  const std::string path = absl::StrCat(trimmed, "/assay.lock");
  FolderLock lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.descriptor_ < 0) return SystemError(path, errno);
  if (flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(path, errno);
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": in use by the server with pid ",
                     ReadHolder(lock.descriptor_)));
  }
  ASSAY_RETURN_IF_ERROR(WriteHolder(lock.descriptor_, path));
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status SyncFolder(const std::string& folder) {
  const int descriptor =
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(folder, errno);
  // Some file systems cannot sync a folder and say EINVAL: nothing to wait for.
  const bool failed = fsync(descriptor) != 0 && errno != EINVAL;
  const int code = errno;
  close(descriptor);
  return failed ? SystemError(folder, code) : absl::OkStatus();
}

}  // namespace assay
