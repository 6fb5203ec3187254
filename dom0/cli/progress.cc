// SPDX-License-Identifier: MIT
// Carriage returns on a terminal, nothing elsewhere.
#include "dom0/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace cli {

ProgressLine::ProgressLine(std::ostream& err)
    : err_(err), shown_(&err == &std::cerr && isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (shown_ && width_) err_ << '\r' << std::string(width_, ' ') << '\r' << std::flush;
}

void ProgressLine::show(const std::string& text) {
  if (!shown_) return;
  width_ = std::max(width_, text.size());
  err_ << '\r' << text << std::string(width_ - text.size(), ' ') << std::flush;
}

}  // namespace cli
