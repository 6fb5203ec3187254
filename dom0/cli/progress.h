// SPDX-License-Identifier: MIT
// A line that changes while something takes its time: only where a person looks.
#pragma once

#include <ostream>
#include <string>

namespace cli {

class ProgressLine {
 public:
  /// Silent unless `err` is the process's standard error and that is a terminal.
  explicit ProgressLine(std::ostream& err);
  /// Wipes the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const std::string& text);

 private:
  std::ostream& err_;
  bool shown_;
  size_t width_ = 0;
};

}  // namespace cli
