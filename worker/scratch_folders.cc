#include "worker/scratch_folders.h"

#include <sys/stat.h>

#include <filesystem>
#include <utility>

namespace assay {
namespace {

namespace fs = std::filesystem;

int64_t BytesOnDisk(const fs::path& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return 0;
  return int64_t{status.st_blocks} * 512;
}

// What changes or vanishes meanwhile is no error.
int64_t BytesIn(const std::string& path) {
  int64_t bytes = 0;
  std::error_code error;
  fs::recursive_directory_iterator entry(
      path, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator();
       entry.increment(error)) {
    bytes += BytesOnDisk(entry->path());
  }
  return bytes;
}

}  // namespace

void ScratchFolders::Measure(std::string path, Measured measured) {
  thread_.Order([path = std::move(path), measured = std::move(measured)] {
    measured(BytesIn(path));
  });
}

void ScratchFolders::Remove(std::string path) {
  thread_.Order([path = std::move(path)] {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  });
}

}  // namespace assay
