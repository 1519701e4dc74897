#include "storage/sqlite/connection.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr int kLockTimeoutMs = 5000;

int OpenFlags(Connection::Mode mode) {
  // No mutex inside: one thread at a time uses a connection.
  const int access = mode == Connection::Mode::kReadOnly ? SQLITE_OPEN_READONLY
                     : mode == Connection::Mode::kQuery
                         ? SQLITE_OPEN_READWRITE
                         : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  return access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
}

absl::StatusCode ToStatusCode(int code) {
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return absl::StatusCode::kAlreadyExists;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return absl::StatusCode::kNotFound;
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::StatusCode::kPermissionDenied;
    case SQLITE_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_TOOBIG:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

Trouble ToTrouble(int code, int system_error) {
  switch (code) {
    case SQLITE_FULL:
    case SQLITE_IOERR_SHMSIZE:  // The shared index could not grow.
      return Trouble::kDiskFull;
    case SQLITE_IOERR_WRITE:
      if (system_error == EDQUOT) return Trouble::kDiskFull;
      break;
  }
  switch (code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return Trouble::kBroken;
    default:
      return Trouble::kNone;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(
    const std::string& path, Mode mode, const std::string& vfs) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, OpenFlags(mode),
                                   vfs.empty() ? nullptr : vfs.c_str());
  if (handle == nullptr) return absl::ResourceExhaustedError("out of memory");
  std::unique_ptr<Connection> connection(new Connection(handle));
  if (code != SQLITE_OK) return Named(connection->Error(code), path);
  ASSAY_RETURN_IF_ERROR(Named(connection->SetUp(mode), path));
  return connection;
}

absl::Status Connection::SetUp(Mode mode) {
  sqlite3_busy_timeout(handle_, kLockTimeoutMs);
  sqlite3_wal_autocheckpoint(handle_, 0);
  if (mode != Mode::kWrite) {
    // Only the writer checkpoints, not even the last reader that leaves.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  ASSAY_RETURN_IF_ERROR(
      Execute("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF"));
  if (mode == Mode::kQuery) return Execute("PRAGMA query_only = ON");
  if (mode == Mode::kReadOnly) return absl::OkStatus();
  // EXTRA is FULL that also syncs the folder after it deletes a rollback
  // journal. Migrations make one before WAL is on: come back after a power cut,
  // it would undo them under a WAL that was written since.
  return Execute(
      "PRAGMA foreign_keys = ON; PRAGMA synchronous = EXTRA;"
      "PRAGMA secure_delete = OFF; PRAGMA cache_size = -32768");
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  if (trouble_ == Trouble::kBroken) {
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  sqlite3_close(handle_);
}

Statement Connection::Prepare(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement != nullptr) {
    return Statement(*this, statement, absl::OkStatus());
  }
  const int code = sqlite3_prepare_v3(
      handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  return Statement(*this, statement,
                   code == SQLITE_OK ? absl::OkStatus() : Error(code));
}

absl::Status Connection::Execute(const std::string& sql) {
  const int code =
      sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

absl::StatusOr<int64_t> Connection::QueryInt(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  const int64_t value =
      code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  absl::Status status = code == SQLITE_ROW ? absl::OkStatus() : Error(code);
  sqlite3_finalize(statement);
  if (!status.ok()) return status;
  return value;
}

absl::Status Connection::Error(int code) {
  trouble_ = std::max(trouble_, ToTrouble(code, sqlite3_system_errno(handle_)));
  return absl::Status(ToStatusCode(code), sqlite3_errmsg(handle_));
}

bool Connection::InTransaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

int Connection::Changes() const { return sqlite3_changes(handle_); }

int64_t Connection::LastInsertId() const {
  return sqlite3_last_insert_rowid(handle_);
}

void Connection::ForgetFullDisk() {
  if (trouble_ == Trouble::kDiskFull) trouble_ = Trouble::kNone;
}

}  // namespace assay
