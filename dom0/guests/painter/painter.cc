// SPDX-License-Identifier: MIT
// The drawing guests' loop: build batches, submit, wait, flip, wait for the flip.
#include "dom0/guests/painter/painter.h"

#include <algorithm>

#include "dom0/guests/painter/display.h"

namespace guests {
namespace {

// High enough that every level of the page table takes part.
constexpr uint64_t kBuffers = 0x7f00'0000'0000, kBatches = 0x0012'3450'0000;
constexpr unsigned kBatchPages = 64;
constexpr uint64_t kFrameNs = 16'666'667;
// A flip that never completes must not stop a guest for good; i915 waits about as long.
constexpr uint64_t kFlipTimeoutNs = 100'000'000;
constexpr uint64_t kDriverPages = 512;

unsigned buffer_pages(const PainterConfig& c) {
  return static_cast<unsigned>(hv::align_up(uint64_t{c.width} * c.height * 4, hv::kPageSize) >>
                               hv::kPageShift);
}

}  // namespace

uint64_t painter_ram_bytes(const PainterConfig& c) {
  const uint64_t pages = c.driver.first_frame + kDriverPages + kBatchPages + 2 * buffer_pages(c);
  return hv::align_up(pages * hv::kPageSize, uint64_t{2} << 20);
}

Painter::Painter(GuestPort& port, const PainterConfig& config)
    : port_(port),
      config_(config),
      scene_(make_scene(config.scene, config.seed)),
      driver_(port, [&] {
        DriverConfig d = config.driver;
        d.frames = port.ram_bytes() / hv::kPageSize - d.first_frame;
        return d;
      }()) {}

Surface Painter::buffer(unsigned n) const {
  const uint64_t bytes = uint64_t{buffer_pages(config_)} * hv::kPageSize;
  return {kBuffers + n * bytes, config_.width, config_.height};
}

std::string Painter::start() {
  std::string why = driver_.start();
  if (!why.empty()) give_up(why.c_str());
  return why;
}

void Painter::give_up(const char* why) {
  error_ = why;
  state_ = State::finished;
}

bool Painter::set_up() {
  space_ = driver_.create_ppgtt();
  if (!space_) return false;
  for (unsigned i = 0; i < 2; ++i) {
    auto pages = space_->populate(buffer(i).address, buffer_pages(config_));
    if (!pages) return false;
    auto object = driver_.ggtt().map(std::move(*pages), true);
    if (!object) return false;
    scanout_[i] = std::move(*object);
  }
  auto batches = space_->populate(kBatches, kBatchPages);
  context_ = driver_.create_context(gen9::EngineId::bcs, space_->root());
  if (!batches || !context_) return false;
  batch_pages_ = std::move(*batches);
  light_screen(port_, config_.width, config_.height, buffer(0).stride(),
               static_cast<uint32_t>(scanout_[0].address));
  return true;
}

void Painter::draw() {
  Frame parts;
  const auto back = static_cast<unsigned>((frame_ + 1) % 2);
  scene_->draw(frame_, buffer(back), buffer(1 - back), parts);
  const GgttObject pages{0, batch_pages_};  // only its page list is used
  uint64_t offset = 0;
  for (Canvas& part : parts) {
    const auto bytes = std::as_bytes(part.finish());
    if (offset + bytes.size() > pages.bytes()) return give_up("a frame's batches are too long");
    write_object(port_, pages, offset, bytes);
    const auto seqno = driver_.submit(*context_, kBatches + offset);
    if (!seqno) return give_up("the ring is full");
    last_seqno_ = *seqno;
    offset = hv::align_up(offset + bytes.size(), 64);
  }
  state_ = State::drawing;
}

// One move of the state machine; false when there is something to wait for.
bool Painter::step() {
  switch (state_) {
    case State::starting:
      if (!driver_.ready()) return false;
      if (!set_up()) {
        give_up("out of memory for its screen");
        return false;
      }
      draw();
      return true;
    case State::drawing:
      if (!driver_.done(*context_, last_seqno_)) return false;
      flips_before_ = driver_.counts().flips_done;
      flip_deadline_ns_ = port_.now_ns() + (port_.virtual_gpu() ? kFlipTimeoutNs : kFrameNs);
      flip(port_, static_cast<uint32_t>(scanout_[(frame_ + 1) % 2].address));
      state_ = State::flipping;
      return true;
    case State::flipping:
      if (driver_.counts().flips_done == flips_before_ && port_.now_ns() < flip_deadline_ns_)
        return false;
      flip_deadline_ns_ = UINT64_MAX;
      if (++frame_ >= config_.frames) {
        state_ = State::finished;
        return false;
      }
      draw();
      return true;
    case State::finished: return false;
  }
  return false;
}

void Painter::advance() {
  while (step()) {
  }
}

void Painter::on_interrupt() {
  driver_.on_interrupt();
  advance();
}

void Painter::on_time() {
  driver_.on_time();
  advance();
}

uint64_t Painter::wake_ns() const { return std::min(driver_.wake_ns(), flip_deadline_ns_); }

}  // namespace guests
