#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/import/import_columns.h"

namespace assay {

// What `assay trial import` was asked for.
struct ImportOptions {
  std::string study;
  std::string file;
  std::vector<std::string> map;     // "column=parameter".
  std::vector<std::string> metric;  // "column=metric".
  bool dry_run = false;             // Reads and checks; sends nothing.
};

// Adds the finished trials of a file to a study, in the file's order, and says
// what became of each row that was not added. Rows that are refused stop
// nothing; each is named on Context::error. Repeated within 24 hours it adds
// only what is new: a row is known by the study and the file's bytes up to its
// end. kExitOk if no row was refused, else kExitError. InvalidArgument for a
// file that cannot be read to its end, FailedPrecondition and so on as the
// server says: what was imported until then stays.
absl::StatusOr<ExitCode> ImportTrials(Context& context,
                                      const ImportOptions& options);

}  // namespace assay
