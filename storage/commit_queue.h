#pragma once

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "search/base/mutex.h"
#include "storage/storage.h"

namespace assay {

// A write that waits, then the answer for its `done`.
struct QueuedWrite {
  Storage::Body body;
  Storage::Done done;
  size_t bytes = 0;
  absl::Status status;
};

// The one connection that writes. Used from the writer thread only.
class WriteConnection {
 public:
  virtual ~WriteConnection() = default;

  // Runs the bodies in their order as one transaction, each undone alone if it
  // fails, and makes it durable. Sets every `status`; each is Unavailable if
  // the commit failed. True if something was committed.
  virtual bool CommitTogether(absl::Span<QueuedWrite> writes) = 0;

  // OK, or why nothing can be written any more.
  virtual absl::Status Health() const = 0;

  // Work that is due between two groups, after the writes were answered.
  virtual void TidyUp() = 0;

  // Work for a moment in which nobody writes. False: could not be done now.
  virtual bool TidyUpWhenIdle() = 0;
};

// The single writer thread, with group commit: all writes that wait when the
// thread comes round share one transaction, and so one fsync.
class CommitQueue {
 public:
  struct Options {
    int64_t max_bytes = 64 << 20;  // Of writes not answered yet.
    absl::Duration idle_after = absl::Milliseconds(200);
  };

  // `connection` must outlive this.
  CommitQueue(WriteConnection& connection, const Options& options);

  // Finishes the writes already queued, then joins the thread.
  ~CommitQueue();

  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  // As Storage::Write().
  void Write(Storage::Body body, Storage::Done done, size_t bytes)
      ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Status Health() const ABSL_LOCKS_EXCLUDED(mutex_);

  // commits, writes, commit_seconds and queued_bytes.
  StorageStats Stats() const ABSL_LOCKS_EXCLUDED(mutex_);

  void SetObserver(Storage::CommitObserver observer)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  bool Enqueue(QueuedWrite& write) ABSL_LOCKS_EXCLUDED(mutex_);
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void ServeGroup(std::vector<QueuedWrite>& writes) ABSL_LOCKS_EXCLUDED(mutex_);
  void Commit(std::vector<QueuedWrite>& writes) ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteHealth() ABSL_LOCKS_EXCLUDED(mutex_);
  void Observe(absl::Duration duration, size_t writes);
  void Answer(std::vector<QueuedWrite>& writes);

  enum class Wake { kWrites, kIdle, kClosed };
  Wake WaitForWrites(std::vector<QueuedWrite>& writes)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;

  // Used by thread_ only.
  WriteConnection& connection_;
  bool tidy_when_idle_ = false;

  mutable Mutex mutex_;
  CondVar work_ready_;
  std::vector<QueuedWrite> queue_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  StorageStats stats_ ABSL_GUARDED_BY(mutex_);
  // Set before the first write, called by thread_ without the lock.
  Storage::CommitObserver observer_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // Last: it uses everything above.
};

}  // namespace assay
