// SPDX-License-Identifier: MIT
// The daemon's log: to standard error (which systemd puts into the journal), the last lines kept
// for `xengvt log`, and a bound on what any one guest can make it say.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "dom0/daemon/config.h"

namespace xengvtd {

struct LogLine {
  uint64_t number = 0;  ///< counts up from 1
  int64_t unix_ms = 0;  ///< when
  LogLevel level{};
  std::string guest;  ///< whom it is about; empty: the daemon
  std::string text;
};

inline constexpr size_t kLogLines = 1000;       ///< kept
inline constexpr unsigned kGuestLogBurst = 20;  ///< lines a guest may cause ...
inline constexpr int64_t kGuestLogMs = 10'000;  ///< ... in this time

/// Thread-safe.
class Log {
 public:
  /// `journal`: prefix lines with the priority that journald reads.
  Log(std::ostream& out, LogLevel level, bool journal);

  void add(LogLevel level, const std::string& guest, std::string text);
  void error(std::string text) { add(LogLevel::error, {}, std::move(text)); }
  void warning(std::string text) { add(LogLevel::warning, {}, std::move(text)); }
  void info(std::string text) { add(LogLevel::info, {}, std::move(text)); }
  /// Lines after number `after`, oldest first, at most `most` of them: the newest.
  [[nodiscard]] std::vector<LogLine> lines(uint64_t after, size_t most) const;

 private:
  struct Rate {
    int64_t since_ms = 0;
    unsigned lines = 0, dropped = 0;
  };
  /// False: this guest has said enough.
  bool allowed(const std::string& guest, int64_t now_ms);
  void put(LogLevel level, const std::string& guest, std::string text, int64_t now_ms);

  mutable std::mutex mutex_;
  std::ostream& out_;
  const LogLevel level_;
  const bool journal_;
  uint64_t next_ = 1;
  std::deque<LogLine> lines_;
  std::map<std::string, Rate> rates_;  ///< by guest; bounded
};

}  // namespace xengvtd
