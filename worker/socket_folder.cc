#include "worker/socket_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "worker/system_error.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr char kName[] = "assay-sockets-";
constexpr size_t kMaxParent = 60;  // Of the 107 bytes of a socket's path.
constexpr int kTries = 10;

std::vector<std::string> Parents() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::vector<std::string> parents;
  if (runtime != nullptr && *runtime == '/' &&
      std::string(runtime).size() <= kMaxParent) {
    parents.push_back(runtime);
  }
  parents.push_back("/tmp");
  return parents;
}

// None if it is not a folder of this user, or its owner lives.
Descriptor Lock(const std::string& path) {
  Descriptor folder(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info = {};
  if (!folder || fstat(folder.get(), &info) != 0 || info.st_uid != geteuid() ||
      flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    return Descriptor();
  }
  return folder;
}

void RemoveOrphans(const std::string& parent) {
  std::error_code ignored;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(parent, ignored)) {
    if (!absl::StartsWith(entry.path().filename().string(), kName)) continue;
    if (Lock(entry.path())) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<SocketFolder>> SocketFolder::Create() {
  for (const std::string& parent : Parents()) {
    RemoveOrphans(parent);
    // Another worker that starts may take a new folder for an orphan before it
    // is locked.
    for (int i = 0; i < kTries; ++i) {
      std::string path = absl::StrCat(parent, "/", kName, "XXXXXX");
      if (mkdtemp(path.data()) == nullptr) break;
      Descriptor lock = Lock(path);
      if (!lock || access(path.c_str(), F_OK) != 0) continue;
      return std::unique_ptr<SocketFolder>(
          new SocketFolder(std::move(path), std::move(lock)));
    }
  }
  return SystemError("a folder for sockets in /tmp");
}

SocketFolder::SocketFolder(std::string path, Descriptor lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

SocketFolder::~SocketFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace assay
