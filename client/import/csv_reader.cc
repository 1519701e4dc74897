#include "client/import/csv_reader.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::Status Wrong(int64_t line, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

bool IsBlank(const CsvRow& row) {
  return row.cells.size() == 1 && row.cells[0].text.empty() &&
         !row.cells[0].quoted;
}

}  // namespace

absl::StatusOr<std::optional<CsvRow>> CsvReader::Next() {
  if (!begun_) SkipByteOrderMark();
  begun_ = true;
  while (Peek() != kEnd) {
    ASSAY_ASSIGN_OR_RETURN(CsvRow row, ReadRow());
    if (!IsBlank(row)) return std::optional<CsvRow>(std::move(row));
  }
  return std::optional<CsvRow>();
}

absl::StatusOr<CsvRow> CsvReader::ReadRow() {
  CsvRow row;
  row.line = line_;
  row_bytes_ = 0;
  while (true) {
    ASSAY_ASSIGN_OR_RETURN(CsvCell cell, ReadCell());
    row.cells.push_back(std::move(cell));
    if (row.cells.size() > kMaxColumns) {
      return Wrong(row.line,
                   absl::StrCat("more than ", kMaxColumns, " columns"));
    }
    if (Peek() != ',') break;
    Take();
  }
  row.digest = digest_.value();
  TakeLineEnd();
  return row;
}

absl::StatusOr<CsvCell> CsvReader::ReadCell() {
  if (Peek() == '"') return ReadQuoted();
  CsvCell cell;
  while (!AtCellEnd()) {
    cell.text += static_cast<char>(Peek());
    Take();
    ASSAY_RETURN_IF_ERROR(CheckSize());
  }
  return cell;
}

absl::StatusOr<CsvCell> CsvReader::ReadQuoted() {
  const int64_t opened = line_;
  CsvCell cell{.quoted = true};
  Take();
  while (true) {
    const int c = Peek();
    if (c == kEnd) return Wrong(opened, "a quote is opened and never closed");
    Take();
    ASSAY_RETURN_IF_ERROR(CheckSize());
    if (c != '"') {
      cell.text += static_cast<char>(c);
    } else if (Peek() == '"') {
      cell.text += '"';
      Take();
    } else {
      break;
    }
  }
  if (AtCellEnd()) return cell;
  return Wrong(line_,
               "text after a closing quote; a comma or the line's end "
               "is wanted, and a quote inside quotes is two");
}

int CsvReader::Peek(size_t ahead) {
  constexpr size_t kBlock = 64 << 10;
  if (at_ + ahead >= buffer_.size()) {
    buffer_.erase(0, at_);
    at_ = 0;
    const size_t kept = buffer_.size();
    buffer_.resize(kept + kBlock);
    in_.read(buffer_.data() + kept, kBlock);
    buffer_.resize(kept + static_cast<size_t>(in_.gcount()));
  }
  if (at_ + ahead >= buffer_.size()) return kEnd;
  return static_cast<unsigned char>(buffer_[at_ + ahead]);
}

// REQUIRES: Peek() != kEnd.
void CsvReader::Take() {
  const char c = buffer_[at_++];
  digest_.Add(c);
  ++row_bytes_;
  if (c == '\n') ++line_;
}

bool CsvReader::AtCellEnd() {
  const int c = Peek();
  return c == ',' || c == '\n' || c == kEnd || (c == '\r' && Peek(1) == '\n');
}

void CsvReader::TakeLineEnd() {
  if (Peek() == '\r') ++at_;  // Not in the digest.
  if (Peek() == '\n') Take();
}

absl::Status CsvReader::CheckSize() const {
  if (row_bytes_ <= kMaxRowBytes) return absl::OkStatus();
  return Wrong(line_, absl::StrCat("a row of more than ", kMaxRowBytes,
                                   " bytes; is a quote left open?"));
}

void CsvReader::SkipByteOrderMark() {
  for (const char c : {'\xEF', '\xBB', '\xBF'}) {
    if (Peek() != static_cast<unsigned char>(c)) return;
    ++at_;
  }
}

}  // namespace assay
