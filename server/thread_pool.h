#pragma once

#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "search/base/mutex.h"
#include "server/executor.h"

namespace assay {

// A fixed number of threads and one queue.
class ThreadPool final : public Executor {
 public:
  // `niceness`, 0 to 19: how much the threads give way to others, see nice(2).
  // REQUIRES: threads >= 1.
  explicit ThreadPool(int threads, int niceness = 0);

  // As Stop().
  ~ThreadPool() override;

  // Runs what was posted, also by those tasks, then joins. What is posted later
  // is forgotten: its owners may still be there, for others' last words.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  void Post(Task task) override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  Mutex mutex_;
  CondVar task_ready_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;

  std::vector<std::thread> threads_;  // Last: they use everything above.
};

}  // namespace assay
