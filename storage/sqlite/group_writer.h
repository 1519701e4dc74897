#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "storage/commit_queue.h"
#include "storage/sqlite/cached_transaction.h"
#include "storage/sqlite/connection.h"

namespace assay {

// Groups of writes on one SQLite connection, and its checkpoints. Used by the
// writer thread.
class GroupWriter : public WriteConnection {
 public:
  // Runs its argument while nobody reads, if that comes to be soon.
  using WhileNobodyReads =
      absl::AnyInvocable<void(absl::FunctionRef<void()> body)>;

  // `connection` must outlive this. Beyond `checkpoint_bytes` of WAL it is
  // copied into the database between two groups; beyond a multiple of it
  // because reads kept it from starting over, `while_nobody_reads` is asked.
  GroupWriter(Connection& connection, int64_t checkpoint_bytes,
              WhileNobodyReads while_nobody_reads);
  ~GroupWriter() override;

  GroupWriter(const GroupWriter&) = delete;
  GroupWriter& operator=(const GroupWriter&) = delete;

  bool CommitTogether(absl::Span<QueuedWrite> writes) override;
  absl::Status Health() const override { return health_; }
  void TidyUp() override;
  bool TidyUpWhenIdle() override;

 private:
  absl::Status Begin();
  // OK, or why the whole group cannot be committed.
  absl::Status RunBodies(absl::Span<QueuedWrite> writes);
  absl::Status RunInSavepoint(Storage::Body& body);
  absl::Status EndSavepoint(const absl::Status& body);
  absl::Status GroupIsLost(const absl::Status& cause);
  absl::Status Commit();
  absl::Status RollBack(const absl::Status& cause);
  void NoteTrouble(const absl::Status& cause);
  // `mode`: SQLITE_CHECKPOINT_... True if nothing is left in the WAL.
  bool Checkpoint(int mode);

  Connection& connection_;
  const int64_t page_bytes_;  // One page in the WAL.
  const int64_t checkpoint_bytes_;
  WhileNobodyReads while_nobody_reads_;
  CachedTransaction transaction_;
  absl::Status health_;
  int64_t wal_pages_ = 0;      // After the last commit.
  int64_t checked_pages_ = 0;  // Of them when a checkpoint was last tried.
};

}  // namespace assay
