#include "tests/support/metric_table.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace assay {
namespace {

std::string Sorted(absl::string_view labels) {
  std::vector<std::string> names = absl::StrSplit(labels, ", ");
  std::sort(names.begin(), names.end());
  return absl::StrJoin(names, ", ");
}

// "x{a=\"1\",le=\"2\"} 3" -> "a".
std::string LabelsOf(absl::string_view line) {
  const size_t open = line.find('{');
  std::vector<std::string> labels;
  for (absl::string_view pair :
       absl::StrSplit(line.substr(open + 1, line.find('}') - open - 1), ',')) {
    const std::string label(pair.substr(0, pair.find('=')));
    if (label != "le") labels.push_back(label);
  }
  return Sorted(absl::StrJoin(labels, ", "));
}

}  // namespace

std::vector<std::string> ScrapedFamilies(const std::string& scrape) {
  std::map<std::string, std::pair<std::string, std::string>> families;
  std::string name;
  for (absl::string_view line : absl::StrSplit(scrape, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (absl::StartsWith(line, "# TYPE ")) {
      name = words[2];
      families[name].first = words[3];
    } else if (!absl::StartsWith(line, "#") && absl::StrContains(line, '{')) {
      families[name].second = LabelsOf(line);
    }
  }
  std::vector<std::string> lines;
  for (const auto& [family, shown] : families) {
    lines.push_back(absl::StrCat(family, " ", shown.first, " ", shown.second));
  }
  return lines;
}

std::vector<std::string> ListedFamilies(absl::Span<const MetricInfo> list) {
  std::vector<std::string> lines;
  for (const MetricInfo& info : list) {
    lines.push_back(
        absl::StrCat(info.name, " ", info.type, " ", Sorted(info.labels)));
  }
  return lines;
}

std::vector<std::string> DocumentedRows(const std::string& path,
                                        absl::string_view program) {
  std::vector<std::string> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    absl::string_view row = line;
    if (!absl::ConsumePrefix(&row, "| `") || !absl::ConsumeSuffix(&row, " |")) {
      continue;
    }
    std::vector<std::string> cells = absl::StrSplit(row, " | ");
    if (cells.size() != 5 || (cells[1] != program && cells[1] != "both")) {
      continue;
    }
    cells.erase(cells.begin() + 1);
    rows.push_back(absl::StrJoin(cells, " | "));
  }
  return rows;
}

std::vector<std::string> ListedRows(absl::Span<const MetricInfo> list) {
  std::vector<std::string> rows;
  for (const MetricInfo& info : list) {
    rows.push_back(absl::StrCat(info.name, "` | ", info.type, " | ",
                                info.labels, " | ", info.meaning));
  }
  return rows;
}

}  // namespace assay
