#include "server/thread_pool.h"

#include <sys/resource.h>

#include <utility>

namespace assay {

ThreadPool::ThreadPool(int threads, int niceness) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, niceness] {
      // 0: this thread alone, on Linux. It may fail where it pleases.
      if (niceness > 0) setpriority(PRIO_PROCESS, 0, niceness);
      Run();
    });
  }
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Stop() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
  }
  task_ready_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  std::deque<Task> late;  // Came between the last thread's end and now.
  MutexLock lock(mutex_);
  closed_ = true;
  late.swap(tasks_);
}

void ThreadPool::Post(Task task) {
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    tasks_.push_back(std::move(task));
  }
  task_ready_.NotifyOne();
}

void ThreadPool::Run() {
  for (;;) {
    Task task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty() && !closing_) task_ready_.Wait(mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace assay
