#include "worker/trainer/data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "worker/trainer/configuration_reader.h"
#include "worker/trainer/data/file.h"

namespace assay {
namespace {

constexpr size_t kMaxCategories = 100;
constexpr size_t kMaxClasses = 10'000;

// Splits text into records of fields; quotes may hold commas and line ends.
class RecordReader {
 public:
  explicit RecordReader(const std::string& text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // A byte order mark.
  }

  bool AtEnd() const { return at_ >= text_.size(); }
  int64_t line() const { return line_; }  // Of the next record.

  Result<std::vector<std::string>> Next() {
    std::vector<std::string> fields;
    for (;;) {
      TRAINER_ASSIGN_OR_RETURN(std::string field, NextField());
      fields.push_back(std::move(field));
      if (!AtEnd() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      SkipLineEnd();
      return fields;
    }
  }

 private:
  Result<std::string> NextField() {
    if (AtEnd() || text_[at_] != '"') {
      const size_t end =
          std::min(text_.find_first_of(",\r\n", at_), text_.size());
      std::string field = text_.substr(at_, end - at_);
      at_ = end;
      return field;
    }
    return QuotedField();
  }

  Result<std::string> QuotedField() {
    const int64_t begin = line_;
    std::string field;
    for (++at_; !AtEnd(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        field += text_[++at_];
      } else {
        ++at_;
        if (AtEnd() || std::strchr(",\r\n", text_[at_]) != nullptr) {
          return field;
        }
        break;
      }
    }
    return Failure("line " + std::to_string(begin) +
                   ": a quoted field does not end as it should");
  }

  void SkipLineEnd() {
    if (!AtEnd() && text_[at_] == '\r') ++at_;
    if (!AtEnd() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  const std::string& text_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

std::optional<float> ParseNumber(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return std::nullopt;
  const size_t last = text.find_last_not_of(" \t") + 1;
  const char* begin = text.data() + first;
  if (*begin == '+') ++begin;
  double value = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + last, value);
  if (error != std::errc() || end != text.data() + last) return std::nullopt;
  if (!std::isfinite(static_cast<float>(value))) return std::nullopt;
  return static_cast<float>(value);
}

// A column's numbers, or the row that holds none.
std::variant<std::vector<float>, size_t> Numbers(const CsvTable& table,
                                                 size_t column) {
  std::vector<float> numbers;
  numbers.reserve(table.rows.size());
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const std::optional<float> number = ParseNumber(table.rows[row][column]);
    if (!number.has_value()) return row;
    numbers.push_back(*number);
  }
  return numbers;
}

// The distinct texts of a column, sorted; as numbers if all are numbers.
std::vector<std::string> DistinctTexts(const CsvTable& table, size_t column) {
  std::set<std::string> distinct;
  for (const auto& row : table.rows) distinct.insert(row[column]);
  std::vector<std::string> texts(distinct.begin(), distinct.end());
  if (std::ranges::all_of(texts, [](const std::string& text) {
        return ParseNumber(text).has_value();
      })) {
    std::ranges::stable_sort(
        texts, {}, [](const std::string& text) { return *ParseNumber(text); });
  }
  return texts;
}

std::map<std::string, int64_t> IndexTexts(
    const std::vector<std::string>& texts) {
  std::map<std::string, int64_t> index;
  for (const std::string& text : texts) {
    index.emplace(text, static_cast<int64_t>(index.size()));
  }
  return index;
}

std::string Cell(const CsvTable& table, size_t row, size_t column) {
  return "line " + std::to_string(table.lines[row]) + ", column \"" +
         table.header[column] + "\": \"" + table.rows[row][column] + "\"";
}

// One or more columns of inputs, [columns][rows].
Result<std::vector<std::vector<float>>> InputsOf(const CsvTable& table,
                                                 size_t column) {
  auto numbers = Numbers(table, column);
  if (auto* found = std::get_if<std::vector<float>>(&numbers)) {
    return std::vector<std::vector<float>>{std::move(*found)};
  }
  const std::vector<std::string> texts = DistinctTexts(table, column);
  if (texts.size() > kMaxCategories) {
    return Failure(Cell(table, std::get<size_t>(numbers), column) +
                   " is not a finite number, and " +
                   std::to_string(texts.size()) +
                   " different values are too many for a column of texts; "
                   "allowed: 100");
  }
  const std::map<std::string, int64_t> index = IndexTexts(texts);
  std::vector<std::vector<float>> columns(
      texts.size(), std::vector<float>(table.rows.size(), 0.0F));
  for (size_t row = 0; row < table.rows.size(); ++row) {
    columns[index.at(table.rows[row][column])][row] = 1.0F;
  }
  return columns;
}

Done ReadTarget(const CsvTable& table, size_t column, Task task,
                Dataset& data) {
  if (task == Task::kRegression) {
    auto numbers = Numbers(table, column);
    if (const size_t* row = std::get_if<size_t>(&numbers)) {
      return Failure(Cell(table, *row, column) +
                     " is not a finite number, as a regression's target is");
    }
    data.targets = std::move(std::get<std::vector<float>>(numbers));
    return Success();
  }
  data.class_names = DistinctTexts(table, column);
  if (data.class_names.size() > kMaxClasses) {
    return BadConfiguration(
        "data.target: \"" + table.header[column] + "\" has " +
        std::to_string(data.class_names.size()) +
        " classes; allowed: 10000 (is data.task \"regression\" meant?)");
  }
  data.classes = static_cast<int64_t>(data.class_names.size());
  const std::map<std::string, int64_t> index = IndexTexts(data.class_names);
  for (const auto& row : table.rows) {
    data.labels.push_back(index.at(row[column]));
  }
  return Success();
}

std::vector<float> Interleave(const std::vector<std::vector<float>>& columns,
                              size_t rows) {
  std::vector<float> values;
  values.reserve(rows * columns.size());
  for (size_t row = 0; row < rows; ++row) {
    for (const auto& column : columns) values.push_back(column[row]);
  }
  return values;
}

}  // namespace

Result<CsvTable> ParseCsv(const std::string& content, const std::string& path) {
  CsvTable table;
  RecordReader reader(content);
  while (!reader.AtEnd()) {
    const int64_t line = reader.line();
    auto fields = reader.Next();
    if (!fields.ok()) return Failure(path + ": " + fields.error().message);
    if (fields->size() == 1 && fields->front().empty()) continue;
    if (table.header.empty()) {
      table.header = std::move(*fields);
      continue;
    }
    if (fields->size() != table.header.size()) {
      return Failure(path + ": line " + std::to_string(line) + " has " +
                     std::to_string(fields->size()) +
                     " fields; the header has " +
                     std::to_string(table.header.size()));
    }
    table.rows.push_back(std::move(*fields));
    table.lines.push_back(line);
  }
  if (table.rows.empty()) return Failure(path + ": has no rows");
  const std::set<std::string> names(table.header.begin(), table.header.end());
  if (names.size() != table.header.size()) {
    return Failure(path + ": two columns have the same name");
  }
  return table;
}

Result<Dataset> DatasetFromCsv(const CsvTable& table, const std::string& target,
                               Task task, const std::string& path) {
  const auto found = std::ranges::find(table.header, target);
  if (found == table.header.end()) {
    return BadConfiguration(
        "data.target: \"" + target + "\" is not a column of " + path +
        "; allowed: " + Join(table.header) +
        DidYouMean(target, {table.header.begin(), table.header.end()}));
  }
  const size_t target_column = found - table.header.begin();
  Dataset data;
  auto read = ReadTarget(table, target_column, task, data);
  if (!read.ok()) {
    return Error{read.error().kind, read.error().message + " (" + path + ")"};
  }
  std::vector<std::vector<float>> columns;
  for (size_t column = 0; column < table.header.size(); ++column) {
    if (column == target_column) continue;
    auto inputs = InputsOf(table, column);
    if (!inputs.ok()) return Failure(path + ": " + inputs.error().message);
    for (auto& values : *inputs) columns.push_back(std::move(values));
  }
  if (columns.empty())
    return Failure(path + ": has no column beside " + target);
  data.shape = {static_cast<int64_t>(columns.size())};
  data.inputs = Interleave(columns, table.rows.size());
  return data;
}

Result<Dataset> ReadCsv(const std::string& path, const std::string& target,
                        Task task) {
  TRAINER_ASSIGN_OR_RETURN(const std::string content, ReadDataFile(path));
  TRAINER_ASSIGN_OR_RETURN(const CsvTable table, ParseCsv(content, path));
  return DatasetFromCsv(table, target, task, path);
}

}  // namespace assay
