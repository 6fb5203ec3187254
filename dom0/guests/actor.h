// SPDX-License-Identifier: MIT
// A guest's software as a host's event loop runs it.
#pragma once

#include <cstdint>
#include <string>

namespace guests {

class Actor {
 public:
  virtual ~Actor() = default;
  /// Boots. Empty on success, else one line that says why it cannot work.
  virtual std::string start() = 0;
  /// The GPU interrupted this guest.
  virtual void on_interrupt() = 0;
  /// Time has come (wake_ns), or for pollers: something may have changed.
  virtual void on_time() = 0;
  /// When on_time is wanted next; UINT64_MAX for never.
  [[nodiscard]] virtual uint64_t wake_ns() const = 0;
  /// Looks at registers instead of waiting for interrupts: on_time after every step.
  [[nodiscard]] virtual bool polls() const { return false; }
  /// Has done all it was made for.
  [[nodiscard]] virtual bool finished() const = 0;
};

}  // namespace guests
