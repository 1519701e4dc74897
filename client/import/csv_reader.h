#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/import/fnv.h"

namespace assay {

// One value of a table as it is written.
struct CsvCell {
  std::string text = {};
  bool quoted = false;  // "" is an empty text, nothing at all is no value.
};

// One record.
struct CsvRow {
  int64_t line = 0;  // Where it begins, from 1.
  // Of everything up to its last character: two files that begin alike give
  // their common rows the same, also if one ends its lines with \r\n.
  uint64_t digest = 0;
  std::vector<CsvCell> cells = {};
};

// Reads RFC 4180: commas, quotes, line ends inside quotes; \r\n and \n; a byte
// order mark before the first row. Empty lines are skipped. A quote inside a
// cell that does not begin with one is a character. Holds one row at a time.
// Written here because Debian's libcsv trims spaces, knows no lines and tells
// "" from nothing only by a switch for the whole file.
class CsvReader {
 public:
  static constexpr size_t kMaxColumns = 10'000;
  static constexpr size_t kMaxRowBytes = 4 << 20;

  // `in` must outlive this.
  explicit CsvReader(std::istream& in) : in_(in) {}

  // nullopt at the end. InvalidArgument, naming the line, if a quote is never
  // closed or is followed by text, or a limit is passed: the rest cannot be
  // read then.
  absl::StatusOr<std::optional<CsvRow>> Next();

 private:
  static constexpr int kEnd = -1;

  absl::StatusOr<CsvRow> ReadRow();
  absl::StatusOr<CsvCell> ReadCell();
  absl::StatusOr<CsvCell> ReadQuoted();
  // The character that comes next, or the one after it. kEnd at the end.
  int Peek(size_t ahead = 0);
  void Take();
  bool AtCellEnd();
  void TakeLineEnd();
  absl::Status CheckSize() const;
  void SkipByteOrderMark();

  std::istream& in_;
  std::string buffer_;
  size_t at_ = 0;  // In `buffer_`.
  Fnv digest_;
  int64_t line_ = 1;
  size_t row_bytes_ = 0;
  bool begun_ = false;
};

}  // namespace assay
