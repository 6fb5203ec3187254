// SPDX-License-Identifier: MIT
// Column widths and padding.
#include "dom0/cli/table.h"

#include <algorithm>

namespace cli {

void Table::print(std::ostream& out) const {
  std::vector<size_t> width;
  for (const auto& row : rows_) {
    width.resize(std::max(width.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(width[i] - row[i].size(), ' ');
      if (i) out << "  ";
      const bool last = i + 1 == row.size();
      out << (i ? pad + row[i] : last ? row[i] : row[i] + pad);
    }
    out << '\n';
  }
}

}  // namespace cli
