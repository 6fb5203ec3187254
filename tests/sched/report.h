// SPDX-License-Identifier: MIT
// What was asked of each case and what was measured: as a table, a drawing and JSON.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace sched {

/// One limit of a case.
struct Figure {
  std::string what, unit;
  double limit = 0, value = 0;
  bool at_most = true;  ///< else at least
  [[nodiscard]] bool holds() const { return at_most ? value <= limit : value >= limit; }
  /// How much of what is allowed is used up: 1 is the limit.
  [[nodiscard]] double used() const;
};

struct Row {
  std::string name;
  unsigned seed = 0;
  std::vector<Figure> figures;
  std::string error;  ///< why nothing was measured, or empty
  [[nodiscard]] bool holds() const;
  [[nodiscard]] std::string asked() const;
  [[nodiscard]] std::string measured() const;
};

void print_row(const Row& row, std::ostream& out);
std::string to_json(const std::vector<Row>& rows);
std::string to_svg(const std::vector<Row>& rows);

}  // namespace sched
