#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace assay {

// What may be written to a screen.
struct Look {
  bool color = false;    // ANSI colours.
  bool unicode = false;  // Block and braille characters; else ASCII.
  int width = 80;        // In columns.
};

enum class Style { kPlain, kBold, kDim, kGreen, kRed, kYellow, kCyan };

// `text` in that style, or as it is without colours.
std::string Paint(absl::string_view text, Style style, const Look& look);

// The text without what could steer a terminal: control characters become
// spaces, bytes that are not UTF-8 become '?'. For everything that trials and
// other users wrote.
std::string Printable(absl::string_view text);

// Columns that plain (unpainted) UTF-8 text takes.
int DisplayWidth(absl::string_view text);

// Plain text cut to `width` columns; "..." or an ellipsis says so.
std::string Fit(absl::string_view text, int width, const Look& look);

// The same, cut between two words: half a number would be another number. Only
// a first word that is too long is cut in itself.
std::string FitWords(absl::string_view text, int width, const Look& look);

// Plain text cut or filled with spaces to exactly `width` columns.
std::string PadRight(absl::string_view text, int width, const Look& look);
std::string PadLeft(absl::string_view text, int width, const Look& look);

// A bar of `width` columns; `fraction` is clamped to [0, 1].
std::string Bar(double fraction, int width, const Look& look);

// A point of a plot: x and y in [0, 1], y upwards.
struct PlotPoint {
  double x = 0;
  double y = 0;
};

// A scatter plot of `width` x `height` characters, top line first, with 2 x 4
// braille dots in each (one '*' in ASCII).
std::vector<std::string> Plot(const std::vector<PlotPoint>& points, int width,
                              int height, const Look& look);

// True if the descriptor is a terminal.
bool IsTerminal(int descriptor);

// Columns and lines of the terminal; 80 and 24 if unknown.
struct TerminalSize {
  int columns = 80;
  int lines = 24;
};
TerminalSize GetTerminalSize(int descriptor);

// True if the locale's characters are UTF-8.
bool IsUtf8Locale();

// Lines at the bottom of a terminal that are drawn again and again.
class LiveArea {
 public:
  // `out` must outlive this.
  explicit LiveArea(std::ostream& out) : out_(out) {}

  // Replaces what was drawn before, if it is different. No line may be wider
  // than the terminal, nor there be more lines than it has.
  void Draw(const std::vector<std::string>& lines);

  // Leaves the lines where they are; the next Draw() starts below.
  void Release() { drawn_.clear(); }

 private:
  std::ostream& out_;
  std::vector<std::string> drawn_;
};

}  // namespace assay
