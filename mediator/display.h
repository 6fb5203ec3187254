// SPDX-License-Identifier: MIT
// The virtual display: clocks and power wells that come up at once, pipes with timers, planes, and
// one monitor on port D. SKL PRM vol 12.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "mediator/dp_aux.h"
#include "mediator/edid.h"
#include "mediator/gmbus.h"
#include "mediator/interrupts.h"
#include "mediator/plane.h"
#include "mediator/register_file.h"
#include "mediator/register_table.h"
#include "mediator/vblank.h"

namespace mediator {

class DeviceSink;
struct DeviceCounts;
struct RegisterWrite;
struct VgpuConfig;

inline constexpr unsigned kPipes = 3, kPlanesPerPipe = 4;

class Display {
 public:
  Display(const VgpuConfig& config, RegisterFile& regs, Interrupts& interrupts, DeviceSink& sink,
          DeviceCounts& counts);

  /// A write to one of the display's hooked registers. False: refused.
  bool write(const RegisterWrite& w);
  void before_read(Hook hook, uint32_t offset);
  /// The guest is about to change the interrupt mask at `imr`: a pipe nobody listened to is brought
  /// up to now, so that listening begins with the next vblank and not with old ones.
  void before_mask_change(uint32_t imr);

  /// The next vblank that somebody waits for; UINT64_MAX if none.
  [[nodiscard]] uint64_t next_deadline_ns() const;
  void run_timers(uint64_t now_ns);

  [[nodiscard]] PlaneView primary(unsigned pipe) const;
  [[nodiscard]] PlaneView cursor(unsigned pipe) const;
  void flip(unsigned select, uint32_t surface, uint32_t stride_tiling, bool async);
  void plug(bool in);
  /// Frames go on from a number that the guest knows.
  void count_frames_from(unsigned pipe, uint32_t frames) { pipes_[pipe].clock.count_from(frames); }

  /// The register file is at power-on; follow it.
  void reset();
  void encode(std::vector<std::byte>& out) const;

 private:
  struct Pipe {
    PipeClock clock;
    uint32_t pending_flips = 0;  ///< one bit a plane
    uint32_t flips = 0;          ///< of the first plane
  };

  // display.cc
  void write_pipeconf(const RegisterWrite& w);
  void write_surface(PlaneId id, uint32_t surface, bool async);
  void write_flip_mirror(const RegisterWrite& w);
  void write_cursor_base(const RegisterWrite& w);
  /// Shows the flipped surfaces; returns the events that makes.
  uint32_t complete_flips(unsigned pipe, uint32_t planes);
  [[nodiscard]] bool awaited(unsigned pipe) const;
  void catch_up(unsigned pipe, uint64_t now_ns);

  // display_clocks.cc: registers whose state follows their request.
  void write_power_well(const RegisterWrite& w);
  void write_pll(const RegisterWrite& w);
  void write_state_after_request(const RegisterWrite& w, uint32_t request, uint32_t state);
  void write_panel_power(const RegisterWrite& w);
  void write_sideband(const RegisterWrite& w);

  // display_ports.cc
  void write_ddi_buf(const RegisterWrite& w);
  void write_dp_tp_ctl(const RegisterWrite& w);
  void write_aux(const RegisterWrite& w);
  [[nodiscard]] uint32_t aux_exchange(uint32_t port, unsigned bytes);
  void connect_monitor();

  const VgpuConfig& config_;
  RegisterFile& regs_;
  Interrupts& interrupts_;
  DeviceSink& sink_;
  DeviceCounts& counts_;
  Edid edid_;
  DpAux aux_;
  Gmbus gmbus_;
  bool plugged_ = true;
  std::array<Pipe, kPipes> pipes_{};
  /// Sideband registers the guest wrote: (address, value), oldest overwritten.
  std::array<std::pair<uint32_t, uint32_t>, 20> sideband_{};
  uint32_t sideband_next_ = 0, sideband_used_ = 0;
};

}  // namespace mediator
