#include "worker/cancellation.h"

#include <chrono>
#include <utility>

namespace assay {

void Cancellation::Cancel() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  if (end_call_) end_call_();  // Under the lock: the call cannot go meanwhile.
  changed_.NotifyAll();
}

bool Cancellation::cancelled() const {
  MutexLock lock(mutex_);
  return cancelled_;
}

void Cancellation::SetCall(std::function<void()> end) {
  MutexLock lock(mutex_);
  end_call_ = std::move(end);
  if (cancelled_ && end_call_) end_call_();
}

bool Cancellation::Wait(absl::Duration duration) {
  const auto until =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(duration);
  MutexLock lock(mutex_);
  while (!cancelled_ && changed_.WaitUntil(mutex_, until)) {
  }
  return !cancelled_;
}

}  // namespace assay
