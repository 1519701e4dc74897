#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/storage.h"

namespace assay {

struct SqliteOptions {
  // Waiting writes may hold this many bytes; beyond it ResourceExhausted.
  int64_t max_queued_bytes = 64 << 20;
  // Connections for reads, opened on demand. A read waits for a free one.
  int max_readers = 8;
  // The log is copied into the database file between groups beyond this size.
  int64_t checkpoint_bytes = 16 << 20;
  // Name of a registered SQLite VFS; empty: the default. For tests that lose
  // what was not synced.
  std::string vfs;
};

// Opens `folder`/assay.db, creating both, and takes the folder's lock.
// FailedPrecondition if another server holds it (its pid is named), or the
// database was written by a newer version or another program; PermissionDenied
// if the folder cannot be written; DataLoss if the file is no database or a
// damaged one. WAL, every commit synced; only the writer checkpoints.
absl::StatusOr<std::unique_ptr<Storage>> OpenSqliteStorage(
    const std::string& folder, const SqliteOptions& options = {});

// The same rows in memory: gone with the object.
absl::StatusOr<std::unique_ptr<Storage>> OpenMemoryStorage();

// Opens the database file itself, read-only, and runs Storage::Check().
absl::StatusOr<std::vector<std::string>> CheckDatabaseFile(
    const std::string& path);

}  // namespace assay
