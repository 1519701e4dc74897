#pragma once

#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "search/base/mutex.h"

namespace assay {

// Runs tasks somewhere else. Thread-safe. Post() never blocks and never runs
// the task itself.
class Executor {
 public:
  using Task = absl::AnyInvocable<void()>;

  virtual ~Executor() = default;
  virtual void Post(Task task) = 0;
};

// Runs its tasks one after the other, in the order of the calls, on another
// executor.
class Strand final : public Executor {
 public:
  // `executor` must outlive this, and this its tasks: post tasks that keep the
  // owner of the strand alive.
  explicit Strand(Executor& executor) : executor_(executor) {}

  void Post(Task task) override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void RunSome() ABSL_LOCKS_EXCLUDED(mutex_);

  Executor& executor_;

  Mutex mutex_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace assay
