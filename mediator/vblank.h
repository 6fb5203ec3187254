// SPDX-License-Identifier: MIT
// The clock of one pipe: frames counted from when it was switched on, without a tick for those that
// nobody waits for.
#pragma once

#include <cstdint>

#include "mediator/register_file.h"

namespace mediator {

inline constexpr uint64_t kMinFrameNs = 1'000'000, kMaxFrameNs = 1'000'000'000;
inline constexpr uint64_t kDefaultFrameNs = 16'666'667;

/// Frame time of the pipe's transcoder as programmed: totals over the pixel clock that the link's
/// M/N and the port's PLL make. kDefaultFrameNs if not programmed; always 1 ms to 1 s.
uint64_t frame_period_ns(const RegisterFile& regs, unsigned pipe);
/// What the pipe's line counter shows as a frame is counted: it lags behind the line, by one where
/// the transcoder feeds DisplayPort and by two for HDMI and DVI, and drivers add that again.
uint32_t line_at_vblank(const RegisterFile& regs, unsigned pipe);

class PipeClock {
 public:
  void start(uint64_t now_ns, uint64_t period_ns) {
    on_ = true;
    vblank_ns_ = now_ns;
    period_ns_ = period_ns;
  }
  void stop() { on_ = false; }
  void count_from(uint64_t frames) { frames_ = frames; }
  [[nodiscard]] bool on() const { return on_; }
  /// Counts the frames up to now; returns how many began.
  uint64_t advance(uint64_t now_ns) {
    if (!on_ || now_ns < vblank_ns_) return 0;
    const uint64_t passed = (now_ns - vblank_ns_) / period_ns_;
    vblank_ns_ += passed * period_ns_;
    frames_ += passed;
    return passed;
  }
  [[nodiscard]] uint64_t next_vblank_ns() const { return vblank_ns_ + period_ns_; }
  [[nodiscard]] uint64_t last_vblank_ns() const { return vblank_ns_; }
  [[nodiscard]] uint64_t period_ns() const { return period_ns_; }
  [[nodiscard]] uint64_t frames() const { return frames_; }
  /// The line being scanned out at `now_ns`, which advance() has seen. Lines count from the first
  /// visible one; the counter stands at `at_vblank` when a frame is counted.
  [[nodiscard]] uint32_t line(uint64_t now_ns, uint32_t total, uint32_t at_vblank) const {
    if (!on_ || total == 0 || now_ns < vblank_ns_) return 0;
    const uint64_t since_blank = (now_ns - vblank_ns_) % period_ns_ * total / period_ns_;
    return static_cast<uint32_t>((at_vblank + since_blank) % total);
  }

 private:
  bool on_ = false;
  uint64_t vblank_ns_ = 0, period_ns_ = kDefaultFrameNs, frames_ = 0;
};

}  // namespace mediator
