#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace assay {

// A folder of its own, removed at the end; in memory where there is such a
// place.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code error;
    std::string name = ((std::filesystem::is_directory(memory, error)
                             ? memory
                             : std::filesystem::temp_directory_path()) /
                        "assay-XXXXXX")
                           .string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace assay
