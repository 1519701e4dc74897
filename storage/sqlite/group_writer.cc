#include "storage/sqlite/group_writer.h"

#include <sqlite3.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr int kWalFrameHeader = 24;
// How often the WAL may grow by `checkpoint_bytes` before reads are held back.
constexpr int kWalMultiple = 4;
constexpr int kLockTimeoutMs = 5000;

int RememberWalPages(void* wal_pages, sqlite3*, const char*, int pages) {
  *static_cast<int64_t*>(wal_pages) = pages;
  return SQLITE_OK;
}

}  // namespace

GroupWriter::GroupWriter(Connection& connection, int64_t checkpoint_bytes,
                         WhileNobodyReads while_nobody_reads)
    : connection_(connection),
      page_bytes_(connection.QueryInt("PRAGMA page_size").value_or(4096) +
                  kWalFrameHeader),
      checkpoint_bytes_(checkpoint_bytes),
      while_nobody_reads_(std::move(while_nobody_reads)),
      transaction_(connection) {
  sqlite3_wal_hook(connection_.handle(), RememberWalPages, &wal_pages_);
}

GroupWriter::~GroupWriter() {
  sqlite3_wal_hook(connection_.handle(), nullptr, nullptr);
}

bool GroupWriter::CommitTogether(absl::Span<QueuedWrite> writes) {
  connection_.ForgetFullDisk();
  absl::Status status = Begin();
  if (status.ok()) status = RunBodies(writes);
  if (status.ok()) status = Commit();
  if (status.ok()) return true;
  // Also those that failed by themselves: they judged by rows that are gone.
  for (QueuedWrite& write : writes) write.status = status;
  return false;
}

absl::Status GroupWriter::Begin() {
  const absl::Status begun = connection_.Prepare("BEGIN IMMEDIATE").Run();
  return begun.ok() ? begun : RollBack(begun);
}

absl::Status GroupWriter::RunBodies(absl::Span<QueuedWrite> writes) {
  for (QueuedWrite& write : writes) {
    write.status = RunInSavepoint(write.body);
    ASSAY_RETURN_IF_ERROR(GroupIsLost(write.status));
  }
  return absl::OkStatus();
}

absl::Status GroupWriter::RunInSavepoint(Storage::Body& body) {
  ASSAY_RETURN_IF_ERROR(connection_.Prepare("SAVEPOINT body").Run());
  return EndSavepoint(body(transaction_));
}

absl::Status GroupWriter::EndSavepoint(const absl::Status& body) {
  if (!connection_.InTransaction() || connection_.trouble() != Trouble::kNone) {
    // Also if the body went on regardless: a part of its change is lost.
    return body.ok() ? absl::UnavailableError("the disk is full or failed")
                     : body;
  }
  if (!body.ok()) {
    transaction_.Forget();
    ASSAY_RETURN_IF_ERROR(connection_.Prepare("ROLLBACK TO body").Run());
  }
  ASSAY_RETURN_IF_ERROR(connection_.Prepare("RELEASE body").Run());
  return body;
}

// SQLite ends the whole transaction without a word on a full disk.
absl::Status GroupWriter::GroupIsLost(const absl::Status& cause) {
  if (connection_.InTransaction() && connection_.trouble() == Trouble::kNone) {
    return absl::OkStatus();
  }
  return RollBack(cause);
}

absl::Status GroupWriter::Commit() {
  const absl::Status committed = connection_.Prepare("COMMIT").Run();
  return committed.ok() ? committed : RollBack(committed);
}

absl::Status GroupWriter::RollBack(const absl::Status& cause) {
  transaction_.Forget();
  if (connection_.InTransaction()) {
    connection_.Prepare("ROLLBACK").Run().IgnoreError();
  }
  NoteTrouble(cause);
  if (!health_.ok()) return health_;
  return absl::UnavailableError(
      absl::StrCat("nothing was written: ", std::string(cause.message())));
}

void GroupWriter::NoteTrouble(const absl::Status& cause) {
  if (connection_.trouble() != Trouble::kBroken || !health_.ok()) return;
  health_ = absl::UnavailableError(
      absl::StrCat("no writes until a restart: the disk or database failed: ",
                   std::string(cause.message())));
}

void GroupWriter::TidyUp() {
  // Started over: everything in it had been copied.
  if (wal_pages_ < checked_pages_) checked_pages_ = 0;
  if ((wal_pages_ - checked_pages_) * page_bytes_ < checkpoint_bytes_) return;
  checked_pages_ = wal_pages_;
  if (wal_pages_ * page_bytes_ < kWalMultiple * checkpoint_bytes_) {
    Checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    return;
  }
  while_nobody_reads_([this] { Checkpoint(SQLITE_CHECKPOINT_TRUNCATE); });
}

bool GroupWriter::TidyUpWhenIdle() {
  return !health_.ok() || Checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
}

bool GroupWriter::Checkpoint(int mode) {
  connection_.ForgetFullDisk();
  sqlite3_busy_timeout(connection_.handle(), 0);
  const int code = sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr,
                                             mode, nullptr, nullptr);
  sqlite3_busy_timeout(connection_.handle(), kLockTimeoutMs);
  if (code == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE) {
    wal_pages_ = 0;
    checked_pages_ = 0;
  }
  if (code != SQLITE_OK) NoteTrouble(connection_.Error(code));
  return code == SQLITE_OK;
}

}  // namespace assay
