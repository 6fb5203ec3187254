// SPDX-License-Identifier: MIT
// The virtual display: clocks and power wells that come up at once, pipes with timers, planes, and
// one monitor on port D. SKL PRM vol 12.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "mediator/interrupts.h"
#include "mediator/register_file.h"
#include "mediator/register_table.h"

namespace mediator {

class DeviceSink;
struct DeviceCounts;
struct PlaneView;
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
  /// The guest is about to change the interrupt mask at `imr`.
  void before_mask_change(uint32_t imr);

  [[nodiscard]] uint64_t next_deadline_ns() const;
  void run_timers(uint64_t now_ns);

  [[nodiscard]] PlaneView primary(unsigned pipe) const;
  [[nodiscard]] PlaneView cursor(unsigned pipe) const;
  void flip(unsigned plane, uint32_t surface, uint32_t stride_tiling, bool async);
  void plug(bool in);

  /// The register file is at power-on; follow it.
  void reset();
  void encode(std::vector<std::byte>& out) const;

 private:
  const VgpuConfig& config_;
  RegisterFile& regs_;
  Interrupts& interrupts_;
  DeviceSink& sink_;
  DeviceCounts& counts_;
};

}  // namespace mediator
