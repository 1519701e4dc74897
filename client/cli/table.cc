#include "client/cli/table.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace assay {
namespace {

constexpr int kGap = 2;
constexpr int kLeastFlexible = 8;

std::string RightTrimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

void Table::AddRow(std::vector<Cell> cells) {
  assert(cells.size() == columns_.size());
  for (Cell& cell : cells) cell.text = Printable(cell.text);
  rows_.push_back(std::move(cells));
}

std::vector<int> Table::Widths(int limit) const {
  std::vector<int> widths;
  for (const Column& column : columns_) {
    widths.push_back(DisplayWidth(column.title));
  }
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
    }
  }
  const int gaps = kGap * (static_cast<int>(columns_.size()) - 1);
  int excess = std::accumulate(widths.begin(), widths.end(), gaps) - limit;
  while (limit > 0 && excess > 0) {
    int widest = -1;
    for (size_t i = 0; i < widths.size(); ++i) {
      if (!columns_[i].flexible || widths[i] <= kLeastFlexible) continue;
      if (widest < 0 || widths[i] > widths[widest])
        widest = static_cast<int>(i);
    }
    if (widest < 0) break;
    --widths[widest];
    --excess;
  }
  return widths;
}

std::vector<std::string> Table::Lines(const Look& look) const {
  const std::vector<int> widths = Widths(look.width);
  const auto render = [&](size_t i, const std::string& text, Style style) {
    const bool last = i + 1 == columns_.size();
    std::string cell = columns_[i].right ? PadLeft(text, widths[i], look)
                                         : PadRight(text, widths[i], look);
    if (last) cell = RightTrimmed(std::move(cell));
    return Paint(cell, style, look) + (last ? "" : std::string(kGap, ' '));
  };
  std::vector<std::string> lines(1);
  for (size_t i = 0; i < columns_.size(); ++i) {
    lines[0] += render(i, columns_[i].title, Style::kBold);
  }
  for (const std::vector<Cell>& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += render(i, row[i].text, row[i].style);
    }
    lines.push_back(RightTrimmed(std::move(line)));
  }
  return lines;
}

}  // namespace assay
