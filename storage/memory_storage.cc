#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "search/base/mutex.h"
#include "search/base/status_macros.h"
#include "storage/commit_queue.h"
#include "storage/sqlite/backup.h"
#include "storage/sqlite/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/group_writer.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/transaction.h"
#include "storage/sqlite_storage.h"

namespace assay {
namespace {

// A writer that shares its connection: whoever holds the mutex uses it.
class LockingWriter : public WriteConnection {
 public:
  LockingWriter(Connection& connection, Mutex& mutex)
      : mutex_(mutex),
        writer_(connection, /*checkpoint_bytes=*/0,
                [](absl::FunctionRef<void()>) {}) {}

  bool CommitTogether(absl::Span<QueuedWrite> writes) override {
    MutexLock lock(mutex_);
    return writer_.CommitTogether(writes);
  }
  absl::Status Health() const override { return writer_.Health(); }
  void TidyUp() override {}
  bool TidyUpWhenIdle() override { return true; }

 private:
  Mutex& mutex_;
  GroupWriter writer_;
};

// The rows of one private in-memory connection.
class MemoryStorage : public Storage {
 public:
  explicit MemoryStorage(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)),
        writer_(*connection_, mutex_),
        queue_(writer_, {}) {}

  void Write(Body body, Done done, size_t bytes) override {
    queue_.Write(std::move(body), std::move(done), bytes);
  }

  absl::Status Read(absl::FunctionRef<absl::Status(Snapshot&)> body) override {
    MutexLock lock(mutex_);
    SqliteTransaction transaction(*connection_);
    return body(transaction);
  }

  absl::Status Health() const override { return queue_.Health(); }

  StorageStats Stats() const override {
    StorageStats stats = queue_.Stats();
    MutexLock lock(mutex_);
    stats.database_bytes =
        connection_->QueryInt("PRAGMA page_count").value_or(0) *
        connection_->QueryInt("PRAGMA page_size").value_or(0);
    return stats;
  }

  void SetCommitObserver(CommitObserver observer) override {
    queue_.SetObserver(std::move(observer));
  }

  absl::Status Backup(const std::string& path) override {
    MutexLock lock(mutex_);
    return BackUp(*connection_, path);
  }

  absl::StatusOr<std::vector<std::string>> Check() override {
    MutexLock lock(mutex_);
    return CheckRows(*connection_);
  }

 private:
  mutable Mutex mutex_;
  const std::unique_ptr<Connection> connection_;  // Used under mutex_.
  LockingWriter writer_;
  CommitQueue queue_;  // Last: its thread uses the others.
};

}  // namespace

absl::StatusOr<std::unique_ptr<Storage>> OpenMemoryStorage() {
  ASSAY_ASSIGN_OR_RETURN(
      std::unique_ptr<Connection> connection,
      Connection::Open(":memory:", Connection::Mode::kWrite));
  ASSAY_RETURN_IF_ERROR(Migrate(*connection));
  return std::make_unique<MemoryStorage>(std::move(connection));
}

}  // namespace assay
