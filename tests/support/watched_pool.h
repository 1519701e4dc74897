#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "search/base/mutex.h"
#include "server/executor.h"
#include "server/thread_pool.h"

namespace assay {

// Real threads that a test can hold back and wait for. Thread-safe.
class WatchedPool final : public Executor {
 public:
  explicit WatchedPool(int threads) : pool_(threads) {}

  void Post(Task task) override ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      MutexLock lock(mutex_);
      ++posted_;
      ++open_;
      if (held_) {
        waiting_.push_back(std::move(task));
        return;
      }
    }
    Run(std::move(task));
  }

  // What is posted from now on waits for Release().
  void Hold() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    held_ = true;
  }

  void Release() ABSL_LOCKS_EXCLUDED(mutex_) {
    std::deque<Task> waiting;
    {
      MutexLock lock(mutex_);
      held_ = false;
      waiting.swap(waiting_);
    }
    for (Task& task : waiting) Run(std::move(task));
  }

  // Until every task has ended, those posted meanwhile too. Held ones aside.
  void WaitUntilIdle() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    while (open_ > static_cast<int64_t>(waiting_.size())) {
      ended_.Wait(mutex_);
    }
  }

  // Tasks so far.
  int64_t posted() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return posted_;
  }

 private:
  void Run(Task task) ABSL_LOCKS_EXCLUDED(mutex_) {
    pool_.Post([this, task = std::move(task)]() mutable {
      task();
      task = nullptr;  // What it holds goes before the count does.
      MutexLock lock(mutex_);
      --open_;
      ended_.NotifyAll();
    });
  }

  mutable Mutex mutex_;
  CondVar ended_;
  std::deque<Task> waiting_ ABSL_GUARDED_BY(mutex_);
  int64_t posted_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t open_ ABSL_GUARDED_BY(mutex_) = 0;  // Posted and not ended.
  bool held_ ABSL_GUARDED_BY(mutex_) = false;

  ThreadPool pool_;  // Last: its tasks use everything above.
};

}  // namespace assay
