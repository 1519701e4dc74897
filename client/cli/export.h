#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"

namespace assay {

// One trial a row, RFC 4180: number, state, each parameter, each metric, the
// replicate, the number of the trial it continues, its budget and the step it
// reached, when it started and ended, the worker of its last attempt, attempts,
// and why it ended so. Columns are known before the first row: parameters and
// metrics of the spec, then what the given trials have besides. A text that
// reads as a number, true, false or nothing is in quotes, so that `assay trial
// import` gives the same value.
class CsvExport {
 public:
  // `out` must outlive this.
  CsvExport(const v1::StudySpec& spec, const std::vector<v1::Trial>& trials,
            std::ostream& out);

  void WriteHeader();
  void Write(const v1::Trial& trial);

 private:
  std::vector<std::string> parameters_;
  std::vector<std::string> metrics_;
  absl::flat_hash_map<int64_t, int64_t> numbers_;  // Of the trials, by id.
  std::ostream& out_;
};

// The text, in quotes if it has to be.
std::string CsvField(const std::string& text);

// A double with every digit: reads back as the same number.
std::string ExactNumber(double number);

}  // namespace assay
