#include "client/import/json_import.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/import/fnv.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxLineBytes = 4 << 20;

// Texts are quoted cells; null is an empty one.
CsvCell AsCell(const Json& value) {
  if (value.is_string()) return {value.get<std::string>(), true};
  if (value.is_null()) return {};
  return {value.dump(), false};
}

bool IsScalar(const Json& value) {
  return !value.is_object() && !value.is_array();
}

class JsonImport : public ImportReader {
 public:
  JsonImport(std::istream& in, const StudySpec& spec, ColumnMaps maps)
      : in_(in), spec_(spec), maps_(std::move(maps)) {}

  absl::StatusOr<std::optional<ImportRow>> Next() override {
    while (true) {
      ASSAY_ASSIGN_OR_RETURN(const std::optional<std::string> line, ReadLine());
      if (!line) return std::optional<ImportRow>();
      digest_.Add(*line);
      ImportRow row{.line = line_, .digest = digest_.value()};
      digest_.Add('\n');
      if (line->find_first_not_of(" \t") == std::string::npos) continue;
      ASSAY_RETURN_IF_ERROR(Fill(*line, row));
      return std::optional<ImportRow>(std::move(row));
    }
  }

  std::string format() const override { return "JSON lines"; }

 private:
  // Without its end. Never more than the limit in memory.
  absl::StatusOr<std::optional<std::string>> ReadLine() {
    std::string line;
    ++line_;
    for (int c = in_.get(); c != '\n'; c = in_.get()) {
      if (c == std::char_traits<char>::eof()) {
        if (line.empty()) return std::optional<std::string>();
        break;
      }
      line += static_cast<char>(c);
      if (line.size() <= kMaxLineBytes) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_, ": more than ", kMaxLineBytes,
                       " bytes; one JSON object a line is wanted"));
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return std::optional<std::string>(std::move(line));
  }

  absl::Status Fill(const std::string& line, ImportRow& row) {
    const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (record.is_discarded() || !record.is_object()) {
      row.problem = "no JSON object; one a line is wanted";
      return absl::OkStatus();
    }
    const auto parameters = record.find("parameters");
    if (parameters != record.end() && parameters->is_object()) {
      FillFromTrial(record, row);
      return absl::OkStatus();
    }
    for (const auto& [name, value] : record.items()) {
      ASSAY_ASSIGN_OR_RETURN(const ImportColumn column,
                             AssignPlainColumn(name, spec_, maps_));
      Add(column, name, value, row);
    }
    return absl::OkStatus();
  }

  void Add(const ImportColumn& column, const std::string& name,
           const Json& value, ImportRow& row) {
    if (column.use == ColumnUse::kNothing) {
      unused_.insert(name);
    } else if (!IsScalar(value)) {
      row.problem = absl::StrCat("\"", name, "\": ", value.type_name(),
                                 "; a text, a number, true or false");
    } else {
      row.values.push_back({column, name, AsCell(value)});
    }
  }

  void AddAll(const Json& record, const char* key, ColumnUse use,
              ImportRow& row) {
    const auto object = record.find(key);
    if (object == record.end() || !object->is_object()) return;
    for (const auto& [name, value] : object->items()) {
      Add({use, name}, absl::StrCat(key, ".", name), value, row);
    }
  }

  void FillFromTrial(const Json& record, ImportRow& row) {
    static constexpr std::pair<const char*, ColumnUse> kFields[] = {
        {"state", ColumnUse::kState},
        {"reason", ColumnUse::kReason},
        {"note", ColumnUse::kNote},
        {"started", ColumnUse::kStarted},
        {"ended", ColumnUse::kEnded},
        {"from_step", ColumnUse::kFromStep},
        {"to_step", ColumnUse::kToStep},
        {"last_step", ColumnUse::kLastStep},
        {"replicate", ColumnUse::kReplicate}};
    AddAll(record, "parameters", ColumnUse::kParameter, row);
    AddAll(record, "final_metrics", ColumnUse::kMetric, row);
    for (const auto& [name, use] : kFields) {
      if (record.contains(name)) Add({use}, name, record[name], row);
    }
    const auto attempts = record.find("attempt_list");
    if (attempts == record.end() || !attempts->is_array() ||
        attempts->empty() || !attempts->back().is_object()) {
      return;
    }
    Add({ColumnUse::kHolder}, "holder",
        attempts->back().value("holder", Json()), row);
  }

  std::istream& in_;
  const StudySpec& spec_;
  const ColumnMaps maps_;
  Fnv digest_;
  int64_t line_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImportReader>> OpenJsonImport(
    std::istream& in, const StudySpec& spec, const ColumnMaps& maps) {
  ASSAY_RETURN_IF_ERROR(AssignPlainColumn("", spec, maps).status());
  return std::unique_ptr<ImportReader>(
      std::make_unique<JsonImport>(in, spec, maps));
}

}  // namespace assay
