#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "worker/descriptor.h"

namespace assay {

// Keeps the output of one attempt in files beside each other:
//   PATH.log       the first `head` bytes
//   PATH.tail      the newest of the rest, up to `part` bytes
//   PATH.tail.1    the part before it, full
//   PATH.tail.2    and the one before that
// so that the last 2 `part` bytes are there whatever is written.
class TrialOutput {
 public:
  struct Sizes {
    int64_t head = int64_t{1} << 20;
    int64_t part = int64_t{4} << 20;
  };

  explicit TrialOutput(std::string path);
  TrialOutput(std::string path, Sizes sizes);

  // A full disk loses output, never the trial.
  void Write(absl::string_view bytes);

  // Deletes the files of `path`.
  static void Remove(const std::string& path);

 private:
  void WriteTail(absl::string_view bytes);
  void Rotate();

  const std::string path_;
  const Sizes sizes_;
  Descriptor head_;
  Descriptor tail_;
  int64_t head_left_;
  int64_t tail_left_ = 0;
};

}  // namespace assay
