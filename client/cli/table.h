#pragma once

#include <string>
#include <utility>
#include <vector>

#include "client/cli/terminal.h"

namespace assay {

// A column: numbers stand right, a flexible one is cut when room is short.
struct Column {
  std::string title;
  bool right = false;
  bool flexible = false;
};

struct Cell {
  Cell(std::string t, Style s = Style::kPlain)  // NOLINT: reads like text.
      : text(std::move(t)), style(s) {}

  std::string text;
  Style style;
};

// Rows under titles, in columns two spaces apart.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns. Control characters become spaces.
  void AddRow(std::vector<Cell> cells);

  // Title first. Flexible columns shrink, the widest first and none below 8
  // columns, until a line fits `look.width`; 0 means any width.
  std::vector<std::string> Lines(const Look& look) const;

 private:
  std::vector<int> Widths(int limit) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace assay
