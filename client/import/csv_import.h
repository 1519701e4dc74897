#pragma once

#include <istream>
#include <memory>

#include "absl/status/statusor.h"
#include "client/import/import_reader.h"

namespace assay {

// A table with a header. InvalidArgument as AssignColumns(). `in` must outlive
// the reader.
absl::StatusOr<std::unique_ptr<ImportReader>> OpenCsvImport(
    std::istream& in, const StudySpec& spec, const ColumnMaps& maps);

}  // namespace assay
