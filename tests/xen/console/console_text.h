// SPDX-License-Identifier: MIT
// Reads the lines that a guest of the bed wrote on its console out of a picture of its screen,
// without knowing the font: the same character looks the same everywhere, no two look alike, and
// nothing else is there.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace console {

struct Picture {
  unsigned width = 0, height = 0;
  std::vector<uint32_t> pixels;  ///< top first
};

inline constexpr unsigned kCellWidth = 8, kCellHeight = 16, kLines = 30;
using Cell = std::array<uint32_t, kCellWidth * kCellHeight>;

inline Cell cell_at(const Picture& p, unsigned column, unsigned row) {
  Cell c;
  for (unsigned y = 0; y < kCellHeight; ++y)
    std::copy_n(&p.pixels[(row * kCellHeight + y) * p.width + column * kCellWidth], kCellWidth,
                &c[y * kCellWidth]);
  return c;
}

/// As main.sh of the guests writes it.
inline std::string line_text(const std::string& guest, unsigned line) {
  return "XenGVT guest " + guest + ", line " + std::to_string(line) +
         ": the console on a virtual display";
}

/// What each character looks like.
class Font {
 public:
  /// False if it looked otherwise before, or if another character looks so.
  bool learn(char c, const Cell& cell) {
    const bool blank = std::ranges::count(cell, cell[0]) == static_cast<ptrdiff_t>(cell.size());
    return blank == (c == ' ') && looks_.emplace(c, cell).first->second == cell &&
           means_.emplace(cell, c).first->second == c;
  }
  [[nodiscard]] std::optional<char> read(const Cell& cell) const {
    const auto it = means_.find(cell);
    return it == means_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  std::map<char, Cell> looks_;
  std::map<Cell, char> means_;
};

/// The number of the guest whose name has so many digits; what is wrong with the picture otherwise.
struct Read {
  std::string guest, error;
};
inline Read read_with(const Picture& p, unsigned digits) {
  const unsigned columns = p.width / kCellWidth, rows = p.height / kCellHeight;
  const std::string unknown(digits, '?');
  if (line_text(unknown, kLines).size() > columns || rows < kLines) return {"", "it is too small"};
  Font font;
  for (unsigned row = 0; row < kLines; ++row) {
    std::string text = line_text(unknown, row + 1);
    text.resize(columns, ' ');
    for (unsigned x = 0; x < columns; ++x)
      if (text[x] != '?' && !font.learn(text[x], cell_at(p, x, row)))
        return {"", "line " + std::to_string(row + 1) + ", column " + std::to_string(x + 1) +
                        " is no '" + text[x] + "'"};
  }
  std::string guest;
  for (unsigned row = 0; row < kLines; ++row) {
    std::string name;
    for (unsigned x = 0; x < digits; ++x)
      name += font.read(cell_at(p, static_cast<unsigned>(line_text("", 0).find(',')) + x, row))
                  .value_or('?');
    if (name.find_first_not_of("0123456789") != std::string::npos || (row > 0 && name != guest))
      return {"", "line " + std::to_string(row + 1) + " names no guest"};
    guest = name;
  }
  unsigned others = 0;
  for (unsigned row = kLines; row < rows; ++row)
    for (unsigned x = 0; x < columns; ++x) others += font.read(cell_at(p, x, row)) != ' ';
  if (others > 1) return {"", "there is more than a cursor below the lines"};
  return {guest, ""};
}

inline Read read_console(const Picture& p) {
  Read first = read_with(p, 1);
  for (unsigned digits = 2; digits <= 3 && !first.error.empty(); ++digits)
    if (const Read r = read_with(p, digits); r.error.empty()) return r;
  return first;
}

}  // namespace console
