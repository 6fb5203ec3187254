// SPDX-License-Identifier: MIT
// What a guest finds at 00:02.0, short of page tables and submission: PCI configuration space, the
// registers with their behaviour, PVINFO, interrupts and the virtual display.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hv/domain.h"
#include "hv/types.h"
#include "mediator/host_gpu.h"
#include "mediator/interrupts.h"
#include "mediator/register_file.h"
#include "shadow/gen9/engine.h"
#include "shadow/ggtt.h"

namespace mediator {

/// Why a vGPU stopped serving its guest (facts: failsafe mode).
enum class FailsafeReason : uint8_t {
  none,
  guest_not_vgpu_aware,
  insufficient_resources,
  bad_status_page,
  bad_fence,
  bad_ring_mode,
  scan_refused,
  bad_context,
  repeated_hangs,
  dismissed,  ///< its host lets it go
};
const char* failsafe_name(FailsafeReason r);

/// How the virtual monitor hangs on port D: its EDID answers on the AUX channel, or on GMBUS pin 6.
enum class MonitorLink : uint8_t { display_port, hdmi };

/// What one vGPU is given.
struct VgpuConfig {
  std::string name = "vgpu";
  uint16_t device_id = 0x1912;
  uint8_t revision = 6;
  shadow::GgttWindows windows{0, 64u << 20, 256u << 20, 384u << 20};
  uint64_t aperture_bytes = 256u << 20;
  uint32_t fences = 4;
  uint32_t width = 1024, height = 768;  ///< preferred mode of the virtual EDID
  MonitorLink monitor = MonitorLink::display_port;
  bool huge_pages = true;  ///< advertise HUGE_GTT
  uint32_t weight = 1;     ///< for later schedulers
};

/// What the device model asks of the rest of the vGPU.
class DeviceSink {
 public:
  virtual ~DeviceSink() = default;
  /// One of the four writes to ELSP (port 1 high, low, port 0 high, low).
  virtual void elsp_write(gen9::EngineId engine, uint32_t value) = 0;
  /// RING_MODE changed (already stored): run list enabled or disabled.
  virtual void ring_mode_changed(gen9::EngineId engine, bool run_list) = 0;
  /// HWS_PGA accepted (0 or inside the windows).
  virtual void status_page_changed(gen9::EngineId engine, uint32_t address) = 0;
  /// GDRST asks to reset engines. Their registers are already back at power-on: with `full`
  /// everything below 0x44200, else the ring registers of `engines`.
  virtual void reset_engines(gen9::EngineMask engines, bool full) = 0;
  /// PVINFO g2v_notify (2..5 only: the values that ask for something) with the PDPs last written.
  virtual void g2v_notify(uint32_t value, std::span<const uint64_t, 4> pdps) = 0;
  virtual void tlb_invalidate(gen9::EngineId engine) = 0;
  /// Registers whose value is the real GPU's while this vGPU owns the engine (timestamps, ACTHD).
  /// When it does not own it: what registers() holds.
  virtual uint32_t live_register(uint32_t offset) = 0;
  /// The guest did what ends in failsafe mode; the owner decides and calls set_failsafe().
  virtual void enter_failsafe(FailsafeReason reason) = 0;
  /// A fence register says this now (a half at a time where the guest writes halves).
  virtual void fence_changed(uint64_t fence) = 0;
  /// The guest's firmware reserved pages for an OpRegion here. False: there will be none.
  virtual bool opregion_wanted(uint32_t address) = 0;
  /// A BAR was placed, moved or disabled.
  virtual void bar_changed(hv::Range range, bool enabled, uint64_t base, uint64_t bytes) = 0;
  virtual void raise_msi(uint64_t address, uint32_t data) = 0;
  virtual uint64_t now_ns() = 0;
  /// Registers that come up with the host's values: they are loaded into the GPU for this vGPU.
  [[nodiscard]] virtual std::span<const RegisterValue> host_values() const { return {}; }
};

/// A plane as the guest programmed it: what a screen reader needs.
struct PlaneView {
  bool enabled = false;
  uint32_t width = 0, height = 0;      ///< pixels
  uint32_t stride = 0;                 ///< bytes
  uint64_t address = 0;                ///< guest GGTT
  uint32_t format = 0;                 ///< PLANE_CTL bits 27:24 (4 = XRGB 8:8:8:8)
  uint32_t tiling = 0;                 ///< PLANE_CTL bits 12:10 (0 linear, 1 X, 4 Y, 5 Yf)
  uint32_t pan_x = 0, pan_y = 0;       ///< pixels: where in the surface the picture begins
  int32_t screen_x = 0, screen_y = 0;  ///< pixels: where on the pipe it is shown
  uint64_t frames = 0;                 ///< flips so far
};

/// Register accesses a guest did that nothing in the table knows, and the like; bounded.
struct DeviceCounts {
  uint64_t unknown_reads = 0, unknown_writes = 0, refused_writes = 0, interrupts = 0, vblanks = 0,
           flips = 0;
};

class DeviceModel {
 public:
  /// `registers`: gen9::kMmioBytes of register pages.
  DeviceModel(const VgpuConfig& config, std::span<std::byte> registers, DeviceSink& sink);
  ~DeviceModel();

  uint64_t config_read(uint64_t offset, unsigned size);
  void config_write(uint64_t offset, unsigned size, uint64_t value);
  /// BAR0 below 2 MiB; any size and alignment a guest can produce.
  uint64_t mmio_read(uint64_t offset, unsigned size);
  void mmio_write(uint64_t offset, unsigned size, uint64_t value);
  /// A write by a scanned command (LRI) to a command-accessible register: stored with its masks and
  /// side effects; the caller has audited it.
  void command_write(uint32_t offset, uint32_t value);

  /// Timers: the next vblank or other display deadline (UINT64_MAX if none), and running them.
  [[nodiscard]] uint64_t next_deadline_ns() const;
  void run_timers(uint64_t now_ns);

  RegisterFile& registers();
  Interrupts& interrupts();
  [[nodiscard]] PlaneView primary_plane(unsigned pipe) const;
  [[nodiscard]] PlaneView cursor_plane(unsigned pipe) const;
  /// A flip asked for by a scanned MI_DISPLAY_FLIP: writes the plane's registers as MMIO would.
  /// `plane` is the command's plane select (dword 0 bits 12:8), `stride_tiling` its dword 1.
  void display_flip(unsigned plane, uint32_t surface, uint32_t stride_tiling, bool async);
  /// Fence register `n` as the guest wrote it (0 beyond the guest's own).
  [[nodiscard]] uint64_t fence(unsigned n) const;
  /// Pages of registers that must trap on read (clocks, side effects): (offset, bytes) list. The
  /// render engine's is among them at first (clock_page.h).
  [[nodiscard]] std::vector<std::pair<uint32_t, uint32_t>> trapped_pages() const;

  /// Back to power-on (`full`: everything; else only what is below 0x44200).
  void reset(bool full);
  /// A fresh device takes the registers of an earlier one: gen9::kMmioBytes of them.
  void resume(std::span<const std::byte> saved);
  void set_failsafe(bool on);
  /// A guest that never looked at PVINFO does not know it is mediated.
  [[nodiscard]] bool pvinfo_seen() const;
  /// PCI power state: 0 is D0, 3 is D3hot (a reset after D3 keeps the page tables).
  [[nodiscard]] unsigned power_state() const;
  /// Plugs the virtual monitor in or out, with the hot-plug event.
  void plug_monitor(bool in);
  [[nodiscard]] const DeviceCounts& counts() const;
  /// Appends the whole state, versioned and explicit, for hashing and migration.
  void encode(std::vector<std::byte>& out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mediator
