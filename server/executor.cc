#include "server/executor.h"

#include <utility>

namespace assay {
namespace {

// Then others of the executor have their turn.
constexpr int kTasksATurn = 32;

}  // namespace

void Strand::Post(Task task) {
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (std::exchange(scheduled_, true)) return;
  }
  executor_.Post([this] { RunSome(); });
}

void Strand::RunSome() {
  for (int i = 0; i < kTasksATurn; ++i) {
    Task task;
    {
      MutexLock lock(mutex_);
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    // The task may hold the last reference to this strand's owner: it is kept
    // until the strand is done with itself.
    task();
    {
      MutexLock lock(mutex_);
      if (tasks_.empty()) {
        scheduled_ = false;
        return;
      }
    }
  }
  executor_.Post([this] { RunSome(); });
}

}  // namespace assay
