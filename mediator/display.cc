// SPDX-License-Identifier: MIT
// Pipes, planes and flips of the virtual display, and the switch over its hooked registers.
#include "mediator/display.h"

#include <algorithm>

#include "mediator/device_model.h"
#include "mediator/display_regs.h"
#include "mediator/encode.h"
#include "mediator/mmio_write.h"

namespace mediator {
namespace {

constexpr uint32_t kPipeConfEdp = 0x7f008;

/// Lines of a frame where the guest programmed none.
constexpr uint32_t kDefaultLines = 806;

unsigned pipe_at(uint32_t offset) { return offset >> 12 & 3; }

}  // namespace

Display::Display(const VgpuConfig& config, RegisterFile& regs, Interrupts& interrupts,
                 DeviceSink& sink, DeviceCounts& counts)
    : config_(config),
      regs_(regs),
      interrupts_(interrupts),
      sink_(sink),
      counts_(counts),
      edid_(make_edid(config.width, config.height, config.monitor == MonitorLink::display_port)),
      aux_(edid_),
      gmbus_(regs, interrupts, edid_) {}

void Display::reset() {
  pipes_ = {};
  sideband_ = {};
  sideband_next_ = sideband_used_ = 0;
  aux_.reset();
  gmbus_.reset();
  plugged_ = true;
  connect_monitor();
}

bool Display::write(const RegisterWrite& w) {
  constexpr uint32_t kTop = hv::bit(31), kNext = hv::bit(30);
  switch (w.row.hook) {
    case Hook::power_well: write_power_well(w); return true;
    case Hook::dbuf:
    case Hook::transconf: write_state_after_request(w, kTop, kNext); return true;
    case Hook::fdi_chicken: write_state_after_request(w, hv::bit(12), hv::bit(13)); return true;
    case Hook::pll_enable: write_pll(w); return true;
    case Hook::pipeconf: write_pipeconf(w); return true;
    case Hook::plane_surf: {
      const PlaneId id = plane_at(w.offset);
      const uint32_t control = regs_.get(reg::plane(id.pipe, id.plane) + reg::kPlaneCtl);
      write_surface(id, w.merged(), (control & reg::kPlaneAsync) != 0);
      return true;
    }
    case Hook::cursor_base: write_cursor_base(w); return true;
    case Hook::flip_mirror: write_flip_mirror(w); return true;
    case Hook::scaler: {
      constexpr uint32_t kPlaneSelect = 7u << 25;
      if (w.merged() & kPlaneSelect) return false;
      regs_.set(w.offset, w.merged());
      return true;
    }
    case Hook::ddi_buf: write_ddi_buf(w); return true;
    case Hook::dp_tp_ctl: write_dp_tp_ctl(w); return true;
    case Hook::aux_ctl: write_aux(w); return true;
    case Hook::gmbus: gmbus_.write(w); return true;
    case Hook::panel_power: write_panel_power(w); return true;
    case Hook::sbi_control: write_sideband(w); return true;
    default: return true;  // scan line and frame count cannot be written
  }
}

void Display::before_read(Hook hook, uint32_t offset) {
  if (hook == Hook::gmbus) return gmbus_.before_read(offset);
  if (hook != Hook::scanline && hook != Hook::frame_count) return;
  const unsigned n = pipe_at(offset);
  const uint64_t now = sink_.now_ns();
  // On a copy: a vblank that is waited for stays for run_timers to deliver.
  PipeClock clock = pipes_[n].clock;
  clock.advance(now);
  if (hook == Hook::frame_count) return regs_.set(offset, static_cast<uint32_t>(clock.frames()));
  const uint32_t total = regs_.get(reg::transcoder(n) + reg::kVtotal);
  const uint32_t lines = total == 0 ? kDefaultLines : reg::total(total);
  regs_.set(offset, clock.line(now, lines, line_at_vblank(regs_, n) % lines));
}

bool Display::awaited(unsigned pipe) const {
  const Pipe& p = pipes_[pipe];
  if (!p.clock.on()) return false;
  return p.pending_flips != 0 || (regs_.get(reg::pipe_imr(pipe)) & reg::kVblankEvent) == 0;
}

void Display::catch_up(unsigned pipe, uint64_t now_ns) {
  PipeClock& clock = pipes_[pipe].clock;
  if (clock.advance(now_ns) == 0) return;
  regs_.set(reg::pipe(pipe) + reg::kFrameCount, static_cast<uint32_t>(clock.frames()));
}

void Display::before_mask_change(uint32_t imr) {
  for (unsigned n = 0; n < kPipes; ++n)
    if (imr == reg::pipe_imr(n) && !awaited(n)) catch_up(n, sink_.now_ns());
}

uint64_t Display::next_deadline_ns() const {
  uint64_t next = UINT64_MAX;
  for (unsigned n = 0; n < kPipes; ++n)
    if (awaited(n)) next = std::min(next, pipes_[n].clock.next_vblank_ns());
  return next;
}

/// Several periods at once make one event, as an interrupt bit would.
void Display::run_timers(uint64_t now_ns) {
  for (unsigned n = 0; n < kPipes; ++n) {
    if (!awaited(n) || pipes_[n].clock.next_vblank_ns() > now_ns) continue;
    catch_up(n, now_ns);
    ++counts_.vblanks;
    interrupts_.pipe_event(n, reg::kVblankEvent | complete_flips(n, pipes_[n].pending_flips));
  }
}

uint32_t Display::complete_flips(unsigned pipe, uint32_t planes) {
  Pipe& p = pipes_[pipe];
  uint32_t events = 0;
  for (unsigned n = 0; n < kPlanesPerPipe; ++n) {
    if ((planes & hv::bit(n)) == 0) continue;
    const uint32_t at = reg::plane(pipe, n);
    regs_.set(at + reg::kPlaneSurfLive, regs_.get(at + reg::kPlaneSurf));
    events |= reg::flip_done_event(n);
    ++counts_.flips;
    if (n == 0) regs_.set(reg::pipe(pipe) + reg::kFlipCount, ++p.flips);
  }
  p.pending_flips &= ~planes;
  return events;
}

void Display::write_pipeconf(const RegisterWrite& w) {
  write_state_after_request(w, reg::kPipeEnable, reg::kPipeState);
  if (w.offset == kPipeConfEdp) return;
  const unsigned n = pipe_at(w.offset);
  const bool on = (w.merged() & reg::kPipeEnable) != 0;
  if (on == pipes_[n].clock.on()) return;
  if (on) return pipes_[n].clock.start(sink_.now_ns(), frame_period_ns(regs_, n));
  catch_up(n, sink_.now_ns());
  pipes_[n].clock.stop();
  complete_flips(n, pipes_[n].pending_flips);
}

void Display::write_surface(PlaneId id, uint32_t surface, bool async) {
  const bool running = pipes_[id.pipe].clock.on();
  if (running && !awaited(id.pipe)) catch_up(id.pipe, sink_.now_ns());
  regs_.set(reg::plane(id.pipe, id.plane) + reg::kPlaneSurf, surface);
  if (running && !async) {
    pipes_[id.pipe].pending_flips |= hv::bit(id.plane);
    return;
  }
  const uint32_t events = complete_flips(id.pipe, hv::bit(id.plane));
  if (running) interrupts_.pipe_event(id.pipe, events);
}

/// The second set of flip registers: 50080.. for plane 1, 50090.. for plane 2.
void Display::write_flip_mirror(const RegisterWrite& w) {
  constexpr uint32_t kTypeMask = 3, kTypeAsync = 1;
  regs_.set(w.offset, w.merged());
  const uint32_t low = w.offset & 0xf;
  const PlaneId id{.pipe = low == 0 ? 0u : low == 8 ? 1u : 2u, .plane = w.offset & 0x10 ? 1u : 0u};
  write_surface(id, w.merged() & reg::kSurfaceMask, (w.merged() & kTypeMask) == kTypeAsync);
}

void Display::write_cursor_base(const RegisterWrite& w) {
  regs_.set(w.offset, w.merged());
  regs_.set(reg::pipe(pipe_at(w.offset)) + reg::kCurSurfLive, w.merged());
}

PlaneView Display::primary(unsigned pipe) const {
  return pipe < kPipes ? view_plane(regs_, {.pipe = pipe, .plane = 0}) : PlaneView{};
}
PlaneView Display::cursor(unsigned pipe) const {
  return pipe < kPipes ? view_cursor(regs_, pipe) : PlaneView{};
}

void Display::flip(unsigned select, uint32_t surface, uint32_t stride_tiling, bool async) {
  const auto id = plane_of_command(select);
  if (!id) return;
  set_stride_tiling(regs_, *id, stride_tiling);
  write_surface(*id, surface & reg::kSurfaceMask, async);
}

void Display::encode(std::vector<std::byte>& out) const {
  put(out, static_cast<uint8_t>(plugged_));
  for (const Pipe& p : pipes_) {
    put(out, static_cast<uint8_t>(p.clock.on()));
    for (uint64_t v : {p.clock.last_vblank_ns(), p.clock.period_ns(), p.clock.frames()})
      put(out, v);
    put(out, p.pending_flips);
    put(out, p.flips);
  }
  for (auto [address, value] : sideband_) {
    put(out, address);
    put(out, value);
  }
  put(out, sideband_next_);
  put(out, sideband_used_);
  for (uint8_t b : aux_.dpcd().bytes()) put(out, b);
  put(out, aux_.edid_offset());
  gmbus_.encode(out);
}

}  // namespace mediator
