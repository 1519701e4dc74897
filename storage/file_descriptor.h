#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace assay {

// An open file, closed with it.
class FileDescriptor {
 public:
  // Negative: none.
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

// "cannot WHAT PATH: ...", with the code that `number` (an errno) stands for;
// ResourceExhausted when the disk is full.
absl::Status FileError(absl::string_view what, const std::string& path,
                       int number);

// `path`: for the error.
absl::Status WriteAll(const FileDescriptor& file, absl::string_view data,
                      const std::string& path);

}  // namespace assay
