#include "client/import/csv_import.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

class CsvImport : public ImportReader {
 public:
  explicit CsvImport(std::istream& in) : reader_(in) {}

  absl::Status Begin(const StudySpec& spec, const ColumnMaps& maps) {
    ASSAY_ASSIGN_OR_RETURN(const std::optional<CsvRow> header, reader_.Next());
    if (!header) return absl::InvalidArgumentError("the file is empty");
    for (const CsvCell& cell : header->cells) header_.push_back(cell.text);
    ASSAY_ASSIGN_OR_RETURN(columns_, AssignColumns(header_, spec, maps));
    for (size_t i = 0; i < columns_.size(); ++i) {
      const bool used = columns_[i].use != ColumnUse::kNothing;
      if (!used && !header_[i].empty()) unused_.insert(header_[i]);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<ImportRow>> Next() override {
    ASSAY_ASSIGN_OR_RETURN(std::optional<CsvRow> read, reader_.Next());
    if (!read) return std::optional<ImportRow>();
    ImportRow row{.line = read->line, .digest = read->digest};
    if (read->cells.size() != columns_.size()) {
      row.problem = absl::StrCat(read->cells.size(), " values; the header has ",
                                 columns_.size());
      return std::optional<ImportRow>(std::move(row));
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].use == ColumnUse::kNothing) continue;
      row.values.push_back(
          {columns_[i], header_[i], std::move(read->cells[i])});
    }
    return std::optional<ImportRow>(std::move(row));
  }

  std::string format() const override {
    const ImportDialect dialect = RecognizeDialect(header_);
    return dialect == ImportDialect::kPlain
               ? "CSV"
               : absl::StrCat("CSV of ", ToText(dialect));
  }

 private:
  CsvReader reader_;
  std::vector<std::string> header_;
  std::vector<ImportColumn> columns_;  // As `header_`.
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImportReader>> OpenCsvImport(
    std::istream& in, const StudySpec& spec, const ColumnMaps& maps) {
  auto reader = std::make_unique<CsvImport>(in);
  ASSAY_RETURN_IF_ERROR(reader->Begin(spec, maps));
  return std::unique_ptr<ImportReader>(std::move(reader));
}

}  // namespace assay
