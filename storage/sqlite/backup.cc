#include "storage/sqlite/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "storage/sqlite/folder_lock.h"
#include "storage/sqlite/statement.h"

namespace assay {
namespace {

absl::Status AlreadyThere(const std::string& path) {
  return absl::AlreadyExistsError(absl::StrCat(path, ": is there already"));
}

absl::Status SystemError(const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

absl::Status SyncFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(path);
  const bool failed = fsync(descriptor) != 0;
  absl::Status status = failed ? SystemError(path) : absl::OkStatus();
  close(descriptor);
  return status;
}

absl::Status RenameToNew(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                RENAME_NOREPLACE) == 0) {
    return absl::OkStatus();
  }
  if (errno == EEXIST) return AlreadyThere(to);
  // Not every file system knows RENAME_NOREPLACE.
  if (errno == EINVAL && access(to.c_str(), F_OK) != 0 &&
      rename(from.c_str(), to.c_str()) == 0) {
    return absl::OkStatus();
  }
  return SystemError(to);
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

absl::Status CopyInto(Connection& connection, const std::string& partial) {
  Statement vacuum = connection.Prepare("VACUUM INTO ?");
  vacuum.BindText(partial);
  return Named(vacuum.Run(), partial);
}

}  // namespace

absl::Status BackUp(Connection& connection, const std::string& path) {
  std::error_code error;
  if (std::filesystem::symlink_status(path, error).type() !=
      std::filesystem::file_type::not_found) {
    return AlreadyThere(path);
  }
  const std::string partial = absl::StrCat(path, ".partial");
  unlink(partial.c_str());
  absl::Status status = CopyInto(connection, partial);
  if (status.ok()) status = SyncFile(partial);
  if (status.ok()) status = RenameToNew(partial, path);
  if (!status.ok()) {
    unlink(partial.c_str());
    return status;
  }
  return SyncFolder(FolderOf(path));
}

}  // namespace assay
