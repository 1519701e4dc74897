#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "search/base/mutex.h"
#include "storage/sqlite/connection.h"

namespace assay {

// Connections that read, opened on demand. Thread-safe.
class ReaderPool {
 public:
  ReaderPool(std::string path, std::string vfs, int max_readers);

  // Runs `body` inside a transaction: it sees one moment. Waits while every
  // connection is in use, or Drain() runs.
  absl::Status Read(absl::FunctionRef<absl::Status(Connection&)> body)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Keeps new reads waiting, waits at most `patience` for the others to end,
  // and runs `body` if they did.
  void Drain(absl::Duration patience, absl::FunctionRef<void()> body)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::unique_ptr<Connection> TakeFree() ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveBack(std::unique_ptr<Connection> connection)
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool WaitForNoReader(absl::Duration patience)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  const std::string vfs_;
  const int max_readers_;

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::unique_ptr<Connection>> free_ ABSL_GUARDED_BY(mutex_);
  int in_use_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace assay
