#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/trial.pb.h"
#include "client/import/import_reader.h"
#include "search/study.h"

namespace assay {

// Why a row is not a trial.
struct RowProblem {
  int64_t line = 0;
  std::string column = {};   // Empty: the row as a whole.
  std::string value = {};    // As it was written.
  std::string message = {};  // What is wrong, and what is allowed.
};

// A trial that has not ended: nothing to import, and no mistake.
struct Unfinished {
  int64_t line = 0;
  std::string state = {};
};

// A row as a trial that was run elsewhere.
struct RowTrial {
  v1::CreateTrialRequest request;  // Without `study` and `request_id`.
  // Up to 100 go with one SetAttributes.
  std::vector<v1::Attribute> attributes;
};

using RowResult = std::variant<RowTrial, Unfinished, RowProblem>;

// Reads each value by what its column is: numbers with '.', true and false in
// any case, categorical values as the study writes them (32.0 for 32 too),
// times of ISO 8601 (without a zone: UTC after a 'T', else `zone`, as Optuna
// writes them), states of all dialects in any case. An empty cell is no value.
// Without a state a trial is COMPLETED. Holds what the server would check, so
// that a trial run says what an import would.
RowResult ToTrial(const ImportRow& row, const StudySpec& spec,
                  const absl::TimeZone& zone);

// `line 7, column "lr": "fast"; a number from 0.0001 to 0.1`.
std::string ToText(const RowProblem& problem);

}  // namespace assay
