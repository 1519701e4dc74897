#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/import/csv_reader.h"
#include "client/import/import_columns.h"
#include "search/study.h"

namespace assay {

// One value of a trial: what it is, where it stood, as it was written.
struct ImportValue {
  ImportColumn meaning = {};
  std::string column = {};
  CsvCell cell = {};
};

// One trial of a file.
struct ImportRow {
  int64_t line = 0;     // From 1.
  uint64_t digest = 0;  // Of the file up to its end: see CsvRow.
  std::vector<ImportValue> values = {};
  std::string problem = {};  // Why it cannot be read; empty if it can.
};

// Reads trials from a file, one at a time.
class ImportReader {
 public:
  virtual ~ImportReader() = default;

  // nullopt at the end. InvalidArgument, naming the line, if what follows
  // cannot be read either.
  virtual absl::StatusOr<std::optional<ImportRow>> Next() = 0;

  // "CSV of Optuna", "JSON lines": for messages.
  virtual std::string format() const = 0;

  // Names of what is there and means nothing here, as far as it was read.
  const std::set<std::string>& unused() const { return unused_; }

 protected:
  std::set<std::string> unused_;
};

// CSV, or JSON lines if it begins with '{'. JSON lines are those of `assay
// study export`, or flat objects whose keys are the columns of a plain table.
// InvalidArgument if it is empty, or as AssignColumns(). `in` and `spec` must
// outlive the reader.
absl::StatusOr<std::unique_ptr<ImportReader>> OpenImport(
    std::istream& in, const StudySpec& spec, const ColumnMaps& maps);

}  // namespace assay
