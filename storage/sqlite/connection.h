#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "storage/sqlite/statement.h"

struct sqlite3;
struct sqlite3_stmt;

namespace assay {

// What went wrong on a connection, the worst so far.
enum class Trouble {
  kNone,
  kDiskFull,  // Goes away by itself when there is room.
  kBroken,    // I/O error or corruption: what is on disk is not known.
};

// One SQLite connection and its prepared statements. Used by one thread at a
// time.
class Connection {
 public:
  enum class Mode { kWrite, kQuery, kReadOnly };

  // kWrite creates the file; kQuery opens it like a writer, which WAL needs,
  // but refuses to write; kReadOnly opens the file itself read-only. Every
  // mode: nothing is checkpointed by itself, short waits for a lock.
  // ":memory:" is a private database. `vfs` empty: the default.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(
      const std::string& path, Mode mode, const std::string& vfs = "");

  ~Connection();

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* handle() { return handle_; }

  // `sql` is a literal: prepared once, found again by its address.
  Statement Prepare(const char* sql);

  // Runs one or more statements, rows thrown away.
  absl::Status Execute(const std::string& sql);

  // The first column of the first row: of a PRAGMA or COUNT(*).
  absl::StatusOr<int64_t> QueryInt(const std::string& sql);

  // The status for a failed call, in SQLite's words, and remembers the trouble.
  absl::Status Error(int code);

  Trouble trouble() const { return trouble_; }
  void ForgetFullDisk();

  // A transaction is open: SQLite ends it by itself on some errors.
  bool InTransaction() const;

  // Of the last INSERT, UPDATE or DELETE: rows changed, id given.
  int Changes() const;
  int64_t LastInsertId() const;

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  absl::Status SetUp(Mode mode);

  sqlite3* const handle_;
  absl::flat_hash_map<const char*, sqlite3_stmt*> statements_;
  Trouble trouble_ = Trouble::kNone;
};

// `status` with `what` before its message, unless it is OK.
template <class... Args>
absl::Status Named(const absl::Status& status, const Args&... what) {
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(what..., ": ", std::string(status.message())));
}

}  // namespace assay
