#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "search/study.h"

namespace assay {

// Whose table it is, told by its columns.
enum class ImportDialect {
  kPlain,   // Columns are named as parameters and metrics are.
  kAssay,   // `assay study export`.
  kOptuna,  // study.trials_dataframe().to_csv().
  kWandb,   // The runs table of Weights & Biases, exported as CSV.
};

// What a column says of a trial.
enum class ColumnUse {
  kNothing,
  kParameter,  // Its name in `name`.
  kMetric,     // The same.
  kAttribute,  // The same.
  kState,
  kReason,
  kNote,
  kStarted,
  kEnded,
  kSeconds,  // From start to end.
  kFromStep,
  kToStep,
  kLastStep,
  kReplicate,
  kHolder,
};

struct ImportColumn {
  ColumnUse use = ColumnUse::kNothing;
  std::string name = {};
};

// Columns that a user named: column to parameter, column to metric.
struct ColumnMaps {
  std::map<std::string, std::string> parameters = {};
  std::map<std::string, std::string> metrics = {};
};

// "Optuna", for messages.
std::string ToText(ImportDialect dialect);

ImportDialect RecognizeDialect(const std::vector<std::string>& header);

// What each column is, in order. `maps` decide before the dialect does.
// InvalidArgument, naming the columns and what is allowed, if a map names a
// column, parameter or metric that is not there, two columns are the same
// thing, or a parameter that is always active or an objective has no column.
absl::StatusOr<std::vector<ImportColumn>> AssignColumns(
    const std::vector<std::string>& header, const StudySpec& spec,
    const ColumnMaps& maps);

// What one named value is, as in AssignColumns() for a plain table: for
// formats whose records need not have each column. InvalidArgument as above.
absl::StatusOr<ImportColumn> AssignPlainColumn(const std::string& column,
                                               const StudySpec& spec,
                                               const ColumnMaps& maps);

}  // namespace assay
