#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/sqlite/connection.h"

namespace assay {

// What is wrong with the database, a line each: its file, its references, and
// the invariants of the model. Call it inside a transaction.
absl::StatusOr<std::vector<std::string>> CheckRows(Connection& connection);

}  // namespace assay
