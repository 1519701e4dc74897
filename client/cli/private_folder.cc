#include "client/cli/private_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

constexpr size_t kMaxPath = 90;  // Leaves room for the socket's name.

}  // namespace

absl::StatusOr<std::unique_ptr<PrivateFolder>> PrivateFolder::Create() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  for (const char* parent : {runtime, "/tmp"}) {
    if (parent == nullptr || *parent != '/') continue;
    std::string path = absl::StrCat(parent, "/assay-XXXXXX");
    if (path.size() > kMaxPath || mkdtemp(path.data()) == nullptr) continue;
    return std::unique_ptr<PrivateFolder>(new PrivateFolder(std::move(path)));
  }
  return absl::InternalError(
      absl::StrCat("cannot create a folder in /tmp: ", std::strerror(errno)));
}

PrivateFolder::PrivateFolder(std::string path) : path_(std::move(path)) {}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace assay
