#include "client/import/import_reader.h"

#include <cctype>

#include "client/import/csv_import.h"
#include "client/import/json_import.h"

namespace assay {

absl::StatusOr<std::unique_ptr<ImportReader>> OpenImport(
    std::istream& in, const StudySpec& spec, const ColumnMaps& maps) {
  const int first = in.peek();
  if (first == '{') return OpenJsonImport(in, spec, maps);
  if (first == '[') {
    return absl::InvalidArgumentError(
        "the file begins with '[': one JSON object a line is wanted, as \"jq "
        "-c "
        "'.[]'\" makes of a list");
  }
  return OpenCsvImport(in, spec, maps);
}

}  // namespace assay
