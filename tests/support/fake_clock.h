#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "search/base/clock.h"
#include "search/base/mutex.h"

namespace assay {

// A clock that stands still until a test moves it. Thread-safe.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return start_ + passed_;
  }

  absl::Duration SinceBoot() const override ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return boot_ + passed_;
  }

  void Advance(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    passed_ += duration;
  }

 private:
  const absl::Time start_ = absl::FromUnixSeconds(1'700'000'000);
  const absl::Duration boot_ = absl::Hours(1);

  mutable Mutex mutex_;
  absl::Duration passed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
