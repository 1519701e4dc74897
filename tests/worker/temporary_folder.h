#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "worker/read_file.h"

namespace assay {

// A folder that lives as long as this.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(mkdtemp(pattern_)) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  char pattern_[32] = "/tmp/assay-test-XXXXXX";
  const std::string path_;
};

// Empty if it cannot be read.
inline std::string ReadFile(const std::string& path) {
  return ReadWholeFile(path).value_or("");
}

}  // namespace assay
