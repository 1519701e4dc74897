#pragma once

#include "absl/status/status.h"
#include "storage/sqlite/connection.h"

namespace assay {

// The schema this version reads and writes: the number of migrations.
int SchemaVersion();

// Brings the database to SchemaVersion(), each step in a transaction of its
// own. FailedPrecondition if it is newer, or another program's; DataLoss if it
// is no database.
absl::Status Migrate(Connection& connection);

// The same refusals; and FailedPrecondition if it is older.
absl::Status CheckSchemaVersion(Connection& connection);

}  // namespace assay
