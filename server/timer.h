#pragma once

#include <cstdint>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "search/base/clock.h"
#include "search/base/mutex.h"
#include "server/executor.h"

namespace assay {

// Runs tasks later, on one thread of its own. Thread-safe.
class Timer {
 public:
  // `clock` must outlive this.
  explicit Timer(const Clock& clock);

  // Forgets what is not due yet.
  ~Timer();

  // Runs `task` once, `delay` from now or a little later. The task is quick and
  // never blocks. Nothing more runs once Stop() returned.
  void After(absl::Duration delay, Executor::Task task)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs `task` every `period`, first in one.
  void Every(absl::Duration period, absl::AnyInvocable<void()> task);

  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Key = std::pair<absl::Duration, uint64_t>;  // When, and which first.

  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  const Clock& clock_;

  Mutex mutex_;
  CondVar changed_;
  std::map<Key, Executor::Task> tasks_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last: it uses everything above.
};

}  // namespace assay
