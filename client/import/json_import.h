#pragma once

#include <istream>
#include <memory>

#include "absl/status/statusor.h"
#include "client/import/import_reader.h"

namespace assay {

// One JSON object a line: a trial of `assay study export --format jsonl`, known
// by its object "parameters", or names and values as in a plain table. Empty
// lines are skipped; a line that is no such object is a row with a problem.
// InvalidArgument if `maps` name what is not in the study. `in` and `spec` must
// outlive the reader.
absl::StatusOr<std::unique_ptr<ImportReader>> OpenJsonImport(
    std::istream& in, const StudySpec& spec, const ColumnMaps& maps);

}  // namespace assay
