#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "worker/task_thread.h"

namespace assay {

// Work on folders that may hold very much, on a thread of its own, one after
// the other; all that was ordered is done before this goes. Thread-safe.
class ScratchFolders {
 public:
  // Gets the bytes on disk of all files in a folder. On the folders' thread.
  using Measured = std::function<void(int64_t bytes)>;

  void Measure(std::string path, Measured measured);
  void Remove(std::string path);

 private:
  TaskThread thread_;
};

}  // namespace assay
