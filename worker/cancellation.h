#pragma once

#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "search/base/mutex.h"

namespace assay {

// Ends waits and calls of another thread, once and for good. Thread-safe.
class Cancellation {
 public:
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);
  bool cancelled() const ABSL_LOCKS_EXCLUDED(mutex_);

  // What ends the call that its thread makes now; nullptr: it makes none.
  // Called at once if it is cancelled already. Quick.
  void SetCall(std::function<void()> end) ABSL_LOCKS_EXCLUDED(mutex_);

  // False if it was cancelled meanwhile.
  bool Wait(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> end_call_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
