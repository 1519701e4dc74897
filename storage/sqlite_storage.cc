#include "storage/sqlite_storage.h"

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "storage/commit_queue.h"
#include "storage/sqlite/backup.h"
#include "storage/sqlite/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/folder_lock.h"
#include "storage/sqlite/group_writer.h"
#include "storage/sqlite/reader_pool.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/transaction.h"

namespace assay {
namespace {

// How long the writer waits for reads to end before it empties a WAL that they
// keep from starting over.
constexpr absl::Duration kDrainPatience = absl::Milliseconds(50);

// 0 if there is no such file.
int64_t FileBytes(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(bytes);
}

class SqliteStorage : public Storage {
 public:
  SqliteStorage(FolderLock lock, std::string path,
                std::unique_ptr<Connection> connection,
                const SqliteOptions& options)
      : lock_(std::move(lock)),
        path_(std::move(path)),
        vfs_(options.vfs),
        connection_(std::move(connection)),
        readers_(path_, vfs_, options.max_readers),
        writer_(*connection_, options.checkpoint_bytes,
                [this](absl::FunctionRef<void()> body) {
                  readers_.Drain(kDrainPatience, body);
                }),
        queue_(writer_, {.max_bytes = options.max_queued_bytes}) {}

  void Write(Body body, Done done, size_t bytes) override {
    queue_.Write(std::move(body), std::move(done), bytes);
  }

  absl::Status Read(absl::FunctionRef<absl::Status(Snapshot&)> body) override {
    return readers_.Read([body](Connection& connection) {
      SqliteTransaction transaction(connection);
      return body(transaction);
    });
  }

  absl::Status Health() const override { return queue_.Health(); }

  StorageStats Stats() const override {
    StorageStats stats = queue_.Stats();
    stats.database_bytes = FileBytes(path_);
    stats.wal_bytes = FileBytes(absl::StrCat(path_, "-wal"));
    return stats;
  }

  void SetCommitObserver(CommitObserver observer) override {
    queue_.SetObserver(std::move(observer));
  }

  absl::Status Backup(const std::string& path) override {
    // Its own connection: it reads for long, and no transaction may be open.
    ASSAY_ASSIGN_OR_RETURN(
        std::unique_ptr<Connection> connection,
        Connection::Open(path_, Connection::Mode::kReadOnly, vfs_));
    return BackUp(*connection, path);
  }

  absl::StatusOr<std::vector<std::string>> Check() override {
    absl::StatusOr<std::vector<std::string>> lines;
    ASSAY_RETURN_IF_ERROR(readers_.Read([&lines](Connection& connection) {
      lines = CheckRows(connection);
      return lines.status();
    }));
    return lines;
  }

 private:
  // Closed in reverse: the queue drains, the readers leave, and the writer's
  // connection, the last, copies the WAL into the database.
  const FolderLock lock_;
  const std::string path_;
  const std::string vfs_;
  const std::unique_ptr<Connection> connection_;  // The writer thread's.
  ReaderPool readers_;
  GroupWriter writer_;
  CommitQueue queue_;
};

absl::Status Prepare(Connection& connection) {
  if (sqlite3_db_readonly(connection.handle(), "main") != 0) {
    return absl::PermissionDeniedError("the database cannot be written");
  }
  ASSAY_RETURN_IF_ERROR(Migrate(connection));
  return connection.Execute("PRAGMA journal_mode = WAL");
}

// For a file on a medium where SQLite cannot even make its side files.
std::string ImmutableUri(const std::string& path) {
  std::string uri = "file:";
  for (char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      absl::StrAppend(&uri, "%", absl::Hex(c, absl::kZeroPad2));
    } else {
      uri.push_back(c);
    }
  }
  return uri + "?immutable=1";
}

absl::StatusOr<std::vector<std::string>> CheckFile(const std::string& name) {
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                         Connection::Open(name, Connection::Mode::kReadOnly));
  ASSAY_RETURN_IF_ERROR(connection->Execute("BEGIN"));
  ASSAY_RETURN_IF_ERROR(CheckSchemaVersion(*connection));
  return CheckRows(*connection);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Storage>> OpenSqliteStorage(
    const std::string& folder, const SqliteOptions& options) {
  ASSAY_ASSIGN_OR_RETURN(FolderLock lock, FolderLock::Take(folder));
  std::string path = absl::StrCat(folder, "/assay.db");
  ASSAY_ASSIGN_OR_RETURN(
      std::unique_ptr<Connection> connection,
      Connection::Open(path, Connection::Mode::kWrite, options.vfs));
  ASSAY_RETURN_IF_ERROR(Named(Prepare(*connection), path));
  ASSAY_RETURN_IF_ERROR(SyncFolder(folder));
  return std::make_unique<SqliteStorage>(std::move(lock), std::move(path),
                                         std::move(connection), options);
}

absl::StatusOr<std::vector<std::string>> CheckDatabaseFile(
    const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat(path, ": not found"));
  }
  absl::StatusOr<std::vector<std::string>> lines = CheckFile(path);
  if (absl::IsUnavailable(lines.status()) && FileBytes(path + "-wal") == 0) {
    lines = CheckFile(ImmutableUri(path));
  }
  if (!lines.ok()) return Named(lines.status(), path);
  return lines;
}

}  // namespace assay
