#pragma once

#include <string>

#include "absl/status/status.h"
#include "storage/sqlite/connection.h"

namespace assay {

// A consistent, compact copy of the connection's database as one file at
// `path`. The name appears only once the copy is complete and on disk.
// AlreadyExists if `path` is there.
absl::Status BackUp(Connection& connection, const std::string& path);

}  // namespace assay
