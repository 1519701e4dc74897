#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "search/base/mutex.h"
#include "search/id.h"

namespace assay {

// Tells who waits for a study that it changed. Holds no events: who is told
// reads the storage. Thread-safe.
class ChangeFeed {
 public:
  using Callback = absl::AnyInvocable<void()>;
  using Ticket = int64_t;

  // Calls `changed` once, from Publish(), as soon as the study's revision is
  // above `seen`; at once, from here, if it is known to be. It must be quick.
  // The ticket cancels it; 0 if it was called already.
  Ticket Await(StudyId study, int64_t seen, Callback changed)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // True if the callback will not be called any more because of this call.
  bool Cancel(StudyId study, Ticket ticket) ABSL_LOCKS_EXCLUDED(mutex_);

  // After a commit.
  void Publish(StudyId study, int64_t revision) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Waiter {
    int64_t seen = 0;
    Callback changed;
  };
  struct Topic {
    int64_t revision = 0;
    std::map<Ticket, Waiter> waiters;
  };

  Mutex mutex_;
  absl::flat_hash_map<StudyId, Topic> topics_ ABSL_GUARDED_BY(mutex_);
  Ticket next_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace assay
