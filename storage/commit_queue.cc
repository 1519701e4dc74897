#include "storage/commit_queue.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay {

CommitQueue::CommitQueue(WriteConnection& connection, const Options& options)
    : options_(options), connection_(connection), thread_([this] { Run(); }) {}

CommitQueue::~CommitQueue() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
  }
  work_ready_.NotifyOne();
  thread_.join();
}

void CommitQueue::Write(Storage::Body body, Storage::Done done, size_t bytes) {
  QueuedWrite write{std::move(body), std::move(done), bytes, absl::OkStatus()};
  if (Enqueue(write)) {
    work_ready_.NotifyOne();
    return;
  }
  write.done(absl::ResourceExhaustedError(absl::StrCat(
      "the queue of writes is full: ", options_.max_bytes, " bytes wait")));
}

// Takes `write` unless the queue is full.
bool CommitQueue::Enqueue(QueuedWrite& write) {
  MutexLock lock(mutex_);
  const int64_t bytes = static_cast<int64_t>(write.bytes);
  if (bytes > options_.max_bytes - stats_.queued_bytes) return false;
  stats_.queued_bytes += bytes;
  queue_.push_back(std::move(write));
  return true;
}

absl::Status CommitQueue::Health() const {
  MutexLock lock(mutex_);
  return health_;
}

StorageStats CommitQueue::Stats() const {
  MutexLock lock(mutex_);
  return stats_;
}

void CommitQueue::SetObserver(Storage::CommitObserver observer) {
  MutexLock lock(mutex_);
  observer_ = std::move(observer);
}

void CommitQueue::Run() {
  std::vector<QueuedWrite> writes;
  for (;;) {
    switch (WaitForWrites(writes)) {
      case Wake::kClosed:
        return;
      case Wake::kIdle:
        tidy_when_idle_ = !connection_.TidyUpWhenIdle();
        NoteHealth();
        break;
      case Wake::kWrites:
        ServeGroup(writes);
        break;
    }
  }
}

CommitQueue::Wake CommitQueue::WaitForWrites(std::vector<QueuedWrite>& writes) {
  const auto deadline = std::chrono::steady_clock::now() +
                        absl::ToChronoNanoseconds(options_.idle_after);
  MutexLock lock(mutex_);
  while (queue_.empty() && !closing_) {
    if (!tidy_when_idle_) {
      work_ready_.Wait(mutex_);
    } else if (!work_ready_.WaitUntil(mutex_, deadline)) {
      break;
    }
  }
  if (!queue_.empty()) {
    std::swap(writes, queue_);  // Both keep their memory.
    return Wake::kWrites;
  }
  return closing_ ? Wake::kClosed : Wake::kIdle;
}

void CommitQueue::ServeGroup(std::vector<QueuedWrite>& writes) {
  if (absl::Status health = connection_.Health(); health.ok()) {
    Commit(writes);
    tidy_when_idle_ = true;
  } else {
    for (QueuedWrite& write : writes) write.status = health;
    MutexLock lock(mutex_);
    stats_.failed_commits += 1;
  }
  NoteHealth();  // Before anyone hears of a failure.
  Answer(writes);
  if (!connection_.Health().ok()) return;
  connection_.TidyUp();
  NoteHealth();
}

void CommitQueue::NoteHealth() {
  MutexLock lock(mutex_);
  health_ = connection_.Health();
}

void CommitQueue::Commit(std::vector<QueuedWrite>& writes) {
  const auto start = std::chrono::steady_clock::now();
  const bool committed = connection_.CommitTogether(absl::MakeSpan(writes));
  const auto end = std::chrono::steady_clock::now();
  if (committed) return Observe(absl::FromChrono(end - start), writes.size());
  MutexLock lock(mutex_);
  stats_.failed_commits += 1;
}

void CommitQueue::Observe(absl::Duration duration, size_t writes) {
  Storage::CommitObserver* observer = nullptr;
  {
    MutexLock lock(mutex_);
    stats_.commits += 1;
    stats_.writes += static_cast<int64_t>(writes);
    stats_.commit_seconds += absl::ToDoubleSeconds(duration);
    if (observer_) observer = &observer_;
  }
  if (observer != nullptr) (*observer)(duration, static_cast<int>(writes));
}

void CommitQueue::Answer(std::vector<QueuedWrite>& writes) {
  int64_t bytes = 0;
  for (QueuedWrite& write : writes) {
    bytes += static_cast<int64_t>(write.bytes);
    write.done(std::move(write.status));
  }
  writes.clear();
  MutexLock lock(mutex_);
  stats_.queued_bytes -= bytes;
}

}  // namespace assay
