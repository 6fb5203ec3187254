// SPDX-License-Identifier: MIT
// A drawing guest: its own driver, its own screen, double buffered, a frame per vblank.
#pragma once

#include <array>
#include <memory>

#include "dom0/guests/actor.h"
#include "dom0/guests/driver/driver.h"
#include "dom0/guests/painter/scene.h"

namespace guests {

struct PainterConfig {
  unsigned scene = 0;
  uint32_t seed = 1;
  uint32_t width = 1024, height = 768;  ///< width a multiple of 16
  uint64_t frames = UINT64_MAX;         ///< stop after so many
  DriverConfig driver;
};

/// Guest RAM a painter of this size needs.
uint64_t painter_ram_bytes(const PainterConfig& config);

class Painter final : public Actor {
 public:
  Painter(GuestPort& port, const PainterConfig& config);

  std::string start() override;
  void on_interrupt() override;
  void on_time() override;
  [[nodiscard]] uint64_t wake_ns() const override;
  [[nodiscard]] bool finished() const override { return state_ == State::finished; }

  [[nodiscard]] uint64_t frames() const { return frame_; }
  [[nodiscard]] std::string_view scene() const { return scene_->name(); }
  [[nodiscard]] const Driver& driver() const { return driver_; }
  /// The address space it draws through (after start-up), for comparing memory.
  [[nodiscard]] const GuestPpgtt* space() const { return space_; }
  /// Why it gave up, or empty.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  enum class State : uint8_t { starting, drawing, flipping, finished };
  void advance();
  bool step();
  bool set_up();
  void draw();
  void give_up(const char* why);
  [[nodiscard]] Surface buffer(unsigned n) const;

  GuestPort& port_;
  PainterConfig config_;
  std::unique_ptr<Scene> scene_;
  Driver driver_;
  State state_ = State::starting;
  std::string error_;
  GuestPpgtt* space_ = nullptr;
  Context* context_ = nullptr;
  std::array<GgttObject, 2> scanout_;
  std::vector<hv::Gpa> batch_pages_;
  uint64_t frame_ = 0;  // finished frames
  uint32_t last_seqno_ = 0;
  uint64_t flips_before_ = 0;
  uint64_t flip_deadline_ns_ = UINT64_MAX;
};

}  // namespace guests
