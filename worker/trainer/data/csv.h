#pragma once

#include <string>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/data/dataset.h"
#include "worker/trainer/result.h"

namespace assay {

// A file of RFC 4180 with a header line: commas, fields in double quotes where
// needed, "" for a quote inside them.
struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // Each as long as the header.
  std::vector<int64_t> lines;                  // Where each row begins, from 1.
};

// `path` names the source in errors.
Result<CsvTable> ParseCsv(const std::string& content, const std::string& path);

// Every column but `target` is an input: one of numbers as it is, any other as
// one input a distinct value (0 or 1; at most 100 values). The target is a
// number in a regression; else each distinct text is a class, in sorted order
// (numeric order where all are numbers).
Result<Dataset> DatasetFromCsv(const CsvTable& table, const std::string& target,
                               Task task, const std::string& path);

Result<Dataset> ReadCsv(const std::string& path, const std::string& target,
                        Task task);

}  // namespace assay
