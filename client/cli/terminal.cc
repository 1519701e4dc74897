#include "client/cli/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ostream>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

constexpr char32_t kInvalid = 0xFFFFFFFF;

// The character at the start of `text`, which is not empty, and its bytes.
struct Character {
  char32_t code;
  size_t bytes;
};

Character Decode(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {kInvalid, 1};
  char32_t code = first & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kInvalid, 1};
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (code < kLeast[bytes] || code > 0x10FFFF || surrogate) {
    return {kInvalid, 1};
  }
  return {code, bytes};
}

std::string Encode(char32_t code) {
  std::string text;
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    text += static_cast<char>(0xE0 | code >> 12);
    text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  }
  return text;
}

bool In(char32_t code, char32_t low, char32_t high) {
  return low <= code && code <= high;
}

// C0, DEL and C1; and what reorders or hides the text around it.
bool IsControl(char32_t code) {
  return code < 0x20 || In(code, 0x7F, 0x9F) || In(code, 0x200E, 0x200F) ||
         In(code, 0x2028, 0x202E) || In(code, 0x2066, 0x2069);
}

// Rows of Unicode's East Asian Width and combining marks that people meet.
int ColumnsOf(char32_t code) {
  if (In(code, 0x0300, 0x036F) || In(code, 0x200B, 0x200F) ||
      In(code, 0x20D0, 0x20FF) || In(code, 0xFE00, 0xFE0F)) {
    return 0;
  }
  const bool wide = In(code, 0x1100, 0x115F) || In(code, 0x2E80, 0xA4CF) ||
                    In(code, 0xAC00, 0xD7A3) || In(code, 0xF900, 0xFAFF) ||
                    In(code, 0xFE30, 0xFE6F) || In(code, 0xFF00, 0xFF60) ||
                    In(code, 0xFFE0, 0xFFE6) || In(code, 0x1F300, 0x1FAFF) ||
                    In(code, 0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

absl::string_view Escape(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\033[1m";
    case Style::kDim:
      return "\033[2m";
    case Style::kGreen:
      return "\033[32m";
    case Style::kRed:
      return "\033[31m";
    case Style::kYellow:
      return "\033[33m";
    case Style::kCyan:
      return "\033[36m";
  }
  return "";
}

std::string Repeat(absl::string_view text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) absl::StrAppend(&repeated, text);
  return repeated;
}

// Which of the 2 x 4 dots of a braille character is bit i of its code: the
// lowest line came later to the alphabet.
constexpr std::array<std::array<uint8_t, 4>, 2> kBrailleDots = {
    {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}};

int Cell(double fraction, int cells) {
  const double clamped = std::clamp(fraction, 0.0, 1.0);
  return static_cast<int>(std::lround(clamped * (cells - 1)));
}

}  // namespace

std::string Paint(absl::string_view text, Style style, const Look& look) {
  if (!look.color || style == Style::kPlain || text.empty()) {
    return std::string(text);
  }
  return absl::StrCat(Escape(style), text, "\033[0m");
}

std::string Printable(absl::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  while (!text.empty()) {
    const Character character = Decode(text);
    if (character.code == kInvalid) {
      printable += '?';
    } else if (IsControl(character.code)) {
      printable += ' ';
    } else {
      absl::StrAppend(&printable, text.substr(0, character.bytes));
    }
    text.remove_prefix(character.bytes);
  }
  return printable;
}

int DisplayWidth(absl::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const Character character = Decode(text);
    columns += ColumnsOf(character.code);
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string Fit(absl::string_view text, int width, const Look& look) {
  if (DisplayWidth(text) <= width) return std::string(text);
  const absl::string_view ellipsis = look.unicode ? "…" : "...";
  const int room = width - DisplayWidth(ellipsis);
  if (room < 0) return std::string(text.substr(0, 0));
  size_t end = 0;
  for (int columns = 0; end < text.size();) {
    const Character character = Decode(text.substr(end));
    columns += ColumnsOf(character.code);
    if (columns > room) break;
    end += character.bytes;
  }
  return absl::StrCat(text.substr(0, end), ellipsis);
}

std::string FitWords(absl::string_view text, int width, const Look& look) {
  if (DisplayWidth(text) <= width) return std::string(text);
  const std::string ellipsis = look.unicode ? " …" : " ...";
  absl::string_view words = text;
  while (DisplayWidth(words) + DisplayWidth(ellipsis) > width) {
    const size_t space = words.find_last_of(' ');
    if (space == words.npos) return Fit(text, width, look);
    words = words.substr(0, space);
  }
  while (!words.empty() && words.back() == ' ') words.remove_suffix(1);
  return words.empty() ? Fit(text, width, look) : absl::StrCat(words, ellipsis);
}

std::string PadRight(absl::string_view text, int width, const Look& look) {
  std::string fitted = Fit(text, width, look);
  fitted.append(std::max(0, width - DisplayWidth(fitted)), ' ');
  return fitted;
}

std::string PadLeft(absl::string_view text, int width, const Look& look) {
  const std::string fitted = Fit(text, width, look);
  return std::string(std::max(0, width - DisplayWidth(fitted)), ' ') + fitted;
}

std::string Bar(double fraction, int width, const Look& look) {
  if (!(fraction > 0)) fraction = 0;  // NaN too.
  fraction = std::min(fraction, 1.0);
  if (!look.unicode) {
    const int full = static_cast<int>(fraction * width);
    return std::string(full, '#') + std::string(width - full, '.');
  }
  const int eighths = static_cast<int>(fraction * width * 8);
  std::string bar = Repeat("█", eighths / 8);
  if (eighths % 8 != 0) bar += Encode(0x2590 - eighths % 8);  // ▏ to ▉
  bar += Repeat("░", width - (eighths + 7) / 8);
  return bar;
}

std::vector<std::string> Plot(const std::vector<PlotPoint>& points, int width,
                              int height, const Look& look) {
  const int dots_across = look.unicode ? 2 : 1;
  const int dots_down = look.unicode ? 4 : 1;
  std::vector<std::vector<uint8_t>> cells(height,
                                          std::vector<uint8_t>(width, 0));
  for (const PlotPoint& point : points) {
    const int x = Cell(point.x, width * dots_across);
    const int y = Cell(1 - point.y, height * dots_down);
    cells[y / dots_down][x / dots_across] |=
        kBrailleDots[x % dots_across][y % dots_down];
  }
  std::vector<std::string> lines(height);
  for (int y = 0; y < height; ++y) {
    for (const uint8_t cell : cells[y]) {
      if (cell == 0) {
        lines[y] += ' ';
      } else {
        lines[y] += look.unicode ? Encode(0x2800 + cell) : "*";
      }
    }
  }
  return lines;
}

bool IsTerminal(int descriptor) { return isatty(descriptor) == 1; }

TerminalSize GetTerminalSize(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
  return {.columns = size.ws_col, .lines = std::max<int>(size.ws_row, 2)};
}

bool IsUtf8Locale() { return std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

void LiveArea::Draw(const std::vector<std::string>& lines) {
  if (lines == drawn_) return;
  std::string frame = "\033[?25l";  // The cursor is not seen to run about.
  if (!drawn_.empty()) absl::StrAppend(&frame, "\033[", drawn_.size(), "A");
  for (const std::string& line : lines) {
    absl::StrAppend(&frame, "\r", line, "\033[K\n");
  }
  frame += "\033[J\033[?25h";  // What the last frame had below.
  out_ << frame << std::flush;
  drawn_ = lines;
}

}  // namespace assay
