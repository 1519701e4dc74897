#include "client/cli/private_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr char kName[] = "assay-run-";
constexpr size_t kMaxPath = 90;  // Leaves room for the socket's name.
constexpr int kTries = 10;

// A descriptor that holds the lock; -1 if `path` is not a folder of this user,
// or another program lives in it.
int Lock(const std::string& path) {
  const int folder =
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat info = {};
  if (folder < 0) return -1;
  if (fstat(folder, &info) == 0 && info.st_uid == geteuid() &&
      flock(folder, LOCK_EX | LOCK_NB) == 0) {
    return folder;
  }
  close(folder);
  return -1;
}

void RemoveOrphans(const std::string& parent) {
  std::error_code ignored;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(parent, ignored)) {
    if (!absl::StartsWith(entry.path().filename().string(), kName)) continue;
    const int lock = Lock(entry.path());
    if (lock < 0) continue;
    fs::remove_all(entry.path(), ignored);
    close(lock);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<PrivateFolder>> PrivateFolder::Create() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  for (const char* parent : {runtime, "/tmp"}) {
    if (parent == nullptr || *parent != '/') continue;
    RemoveOrphans(parent);
    // Another program that starts may take a new folder for an orphan before
    // it is locked.
    for (int i = 0; i < kTries; ++i) {
      std::string path = absl::StrCat(parent, "/", kName, "XXXXXX");
      if (path.size() > kMaxPath || mkdtemp(path.data()) == nullptr) break;
      const int lock = Lock(path);
      if (lock >= 0 && access(path.c_str(), F_OK) == 0) {
        return std::unique_ptr<PrivateFolder>(
            new PrivateFolder(std::move(path), lock));
      }
      if (lock >= 0) close(lock);
    }
  }
  return absl::InternalError(
      absl::StrCat("cannot create a folder in /tmp: ", std::strerror(errno)));
}

PrivateFolder::PrivateFolder(std::string path, int lock)
    : path_(std::move(path)), lock_(lock) {}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  close(lock_);
}

}  // namespace assay
