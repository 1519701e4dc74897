#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "search/base/mutex.h"

namespace assay {

// Work on folders that may hold very much, on a thread of its own, one after
// the other. Thread-safe.
class ScratchFolders {
 public:
  // Gets the bytes on disk of all files in a folder. On the folders' thread.
  using Measured = std::function<void(int64_t bytes)>;

  ScratchFolders();
  // After everything ordered is done.
  ~ScratchFolders();
  ScratchFolders(const ScratchFolders&) = delete;
  ScratchFolders& operator=(const ScratchFolders&) = delete;

  void Measure(std::string path, Measured measured);
  void Remove(std::string path);

 private:
  void Order(std::function<void()> work);
  void Serve();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> work_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses the rest.
};

}  // namespace assay
