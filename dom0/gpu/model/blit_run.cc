// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/blit_run.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "dom0/gpu/model/chroma.h"

namespace gpu::model {
namespace {

using gen9::Tiling;

constexpr uint32_t kBandBytes = 128 << 10;  // stays in the cache
constexpr uint32_t kBandRows = 32;          // a tile's height; bands end where tiles do

/// Repeats the first `have` bytes over the whole line.
void repeat(std::byte* line, size_t have, size_t bytes) {
  while (have < bytes) {
    const size_t n = std::min(have, bytes - have);
    std::memcpy(line + have, line, n);
    have += n;
  }
}

void put_pixel(std::byte* line, size_t index, unsigned bytes, uint32_t colour) {
  std::memcpy(line + index * bytes, &colour, bytes);
}

Rect intersect(const Rect& a, const Rect& b) {
  return {std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2)};
}

bool usable(const Surface& s) { return s.tiling == Tiling::linear || s.pitch > 0; }

uint64_t start_of(const Surface& s, int32_t x, int32_t y, unsigned pixel_bytes) {
  return s.base + static_cast<uint64_t>(int64_t{y} * s.pitch + int64_t{x} * pixel_bytes);
}

}  // namespace

uint64_t BlitRunner::run() {
  if (!clip()) return 0;
  plan();
  lay_out();
  make_write_mask();
  make_pattern();
  const bool up = bottom_up();
  for (int32_t at = up ? rect_.y2 : rect_.y1; up ? at > rect_.y1 : at < rect_.y2;) {
    // Bands are cut where their number of rows divides the row: at tile borders.
    const auto rows = static_cast<int32_t>(band_rows_);
    const int32_t below = (up ? at - 1 : at) & ~(rows - 1);
    const int32_t first = std::max(below, up ? rect_.y1 : at);
    const int32_t end = std::min(below + rows, up ? at : rect_.y2);
    run_band(first, static_cast<uint32_t>(end - first));
    at = up ? first : end;
  }
  return moved_;
}

bool BlitRunner::clip() {
  rect_ = job_.clip ? intersect(job_.rect, *job_.clip) : job_.rect;
  // Tiled surfaces have nothing left of or above their base.
  if (job_.destination.tiling != Tiling::linear) {
    rect_.x1 = std::max(rect_.x1, 0);
    rect_.y1 = std::max(rect_.y1, 0);
  }
  if (job_.source && job_.source->surface.tiling != Tiling::linear) {
    rect_.x1 = std::max(rect_.x1, job_.rect.x1 - job_.source->x);
    rect_.y1 = std::max(rect_.y1, job_.rect.y1 - job_.source->y);
  }
  if (rect_.empty() || !usable(job_.destination)) return false;
  if (job_.source && !usable(job_.source->surface)) return false;
  bytes_ = static_cast<uint32_t>(rect_.x2 - rect_.x1) * job_.pixel_bytes;
  const auto most = static_cast<int32_t>(Blitter::kMaxBytes / bytes_);
  rect_.y2 = std::min(rect_.y2, rect_.y1 + most);
  return job_.write_mask != 0 || job_.pixel_bytes != 4;
}

void BlitRunner::plan() {
  const ChromaKey& chroma = job_.chroma;
  row_masked_ = (job_.mono && job_.mono->transparent) || chroma.on != ChromaKey::On::none ||
                (job_.pattern.kind == Pattern::Kind::mono && job_.pattern.transparent);
  masked_ = row_masked_ || (job_.pixel_bytes == 4 && job_.write_mask != ~0u);
  loads_source_ = job_.source && (job_.rop.uses_source() || chroma.on == ChromaKey::On::source);
  loads_destination_ = masked_ || job_.rop.uses_destination();
  line_ = hv::align_up(bytes_, 8);
  while (band_rows_ < kBandRows && band_rows_ * 2 * line_ <= kBandBytes) band_rows_ *= 2;
}

void BlitRunner::lay_out() {
  const bool colours = job_.pattern.kind != Pattern::Kind::none;
  const size_t lines = 2 * band_rows_ + 7 + (colours ? 16 : 0);
  if (scratch_.size() < lines * line_) scratch_.resize(lines * line_);
  std::byte* at = scratch_.data();
  const auto take = [&](size_t n) { return std::exchange(at, at + n * line_); };
  source_ = take(band_rows_);
  destination_ = take(band_rows_);
  for (std::byte** line : {&zero_, &old_, &mask_, &write_mask_, &mono_, &mono_mask_, &bits_}) {
    *line = take(1);
  }
  if (colours) pattern_ = take(8), pattern_mask_ = take(8);
  std::memset(zero_, 0, line_);
}

void BlitRunner::make_write_mask() {
  std::memset(write_mask_, 0xff, line_);
  if (job_.pixel_bytes != 4) return;
  std::memcpy(write_mask_, &job_.write_mask, 4);
  repeat(write_mask_, 4, line_);
}

void BlitRunner::make_pattern() {
  const Pattern& p = job_.pattern;
  if (p.kind == Pattern::Kind::none) return;
  std::array<std::byte, 64 * 4> colours{};
  const std::span used(colours.data(), size_t{64} * job_.pixel_bytes);
  if (p.kind == Pattern::Kind::colour) {
    memory_.read(p.address & ~uint64_t{63}, used);
    moved_ += used.size();
  } else if (p.kind == Pattern::Kind::colour_immediate) {
    const auto given = std::as_bytes(p.immediate);
    std::copy_n(given.begin(), std::min(given.size(), used.size()), used.begin());
  }
  for (unsigned row = 0; row < (p.kind == Pattern::Kind::solid ? 1 : 8); ++row) {
    make_pattern_row(row, used.data());
  }
}

void BlitRunner::make_pattern_row(unsigned row, const std::byte* colours) {
  const Pattern& p = job_.pattern;
  std::byte *line = pattern_ + row * line_, *mask = pattern_mask_ + row * line_;
  std::array<std::byte, 32> pixels{}, mask_pixels{};
  for (unsigned i = 0; i < 8; ++i) {
    const unsigned column = (static_cast<uint32_t>(rect_.x1) + i + p.seed_x) % 8;
    const bool set = p.bits >> (row * 8 + 7 - column) & 1;
    uint32_t colour = p.kind == Pattern::Kind::solid || set ? p.foreground : p.background;
    if (p.kind == Pattern::Kind::colour || p.kind == Pattern::Kind::colour_immediate) {
      std::memcpy(&colour, colours + (row * 8 + column) * job_.pixel_bytes, job_.pixel_bytes);
    }
    put_pixel(pixels.data(), i, job_.pixel_bytes, colour);
    put_pixel(mask_pixels.data(), i, job_.pixel_bytes, set ? ~0u : 0);
  }
  const size_t unit = std::min<size_t>(8 * job_.pixel_bytes, line_);
  std::memcpy(line, pixels.data(), unit);
  std::memcpy(mask, mask_pixels.data(), unit);
  repeat(line, unit, line_);
  repeat(mask, unit, line_);
}

unsigned BlitRunner::pattern_row(int32_t y) const {
  if (job_.pattern.kind == Pattern::Kind::solid) return 0;
  return (static_cast<uint32_t>(y) + job_.pattern.seed_y) % 8;
}

/// Overlapping copies read each band whole before writing it, so only the order of rows matters.
bool BlitRunner::bottom_up() const {
  if (!loads_source_) return false;
  const Surface &from = job_.source->surface, &to = job_.destination;
  if (from == to && to.pitch > 0) return job_.rect.y1 > job_.source->y;
  if (from.tiling != Tiling::linear || to.tiling != Tiling::linear || from.pitch != to.pitch) {
    return false;
  }
  const uint64_t source = start_of(from, job_.source->x, job_.source->y, job_.pixel_bytes);
  const uint64_t target = start_of(to, job_.rect.x1, job_.rect.y1, job_.pixel_bytes);
  return (target > source) == (to.pitch > 0);
}

ByteRect BlitRunner::destination_rect(int32_t y, uint32_t rows) const {
  return {rect_.x1 * static_cast<int32_t>(job_.pixel_bytes), y, bytes_, rows};
}

ByteRect BlitRunner::source_rect(int32_t y, uint32_t rows) const {
  const int32_t x = job_.source->x + (rect_.x1 - job_.rect.x1);
  return {x * static_cast<int32_t>(job_.pixel_bytes), job_.source->y + (y - job_.rect.y1), bytes_,
          rows};
}

void BlitRunner::run_band(int32_t y, uint32_t rows) {
  const ByteRect to = destination_rect(y, rows);
  const uint64_t size = uint64_t{rows} * bytes_;
  moved_ += size * (1u + loads_source_ + loads_destination_);
  if (loads_source_) {
    load_rect(job_.source->surface, source_rect(y, rows), source_, line_, memory_);
  }
  if (loads_source_ && !masked_ && job_.rop.code() == 0xcc) {  // plain copy
    store_rect(job_.destination, to, source_, line_, memory_);
    return;
  }
  const bool plain = !masked_ && !job_.rop.uses_destination() && !job_.rop.uses_source() &&
                     (!job_.rop.uses_pattern() || job_.pattern.kind == Pattern::Kind::solid);
  if (plain) {  // every row is the same
    if (!std::exchange(filled_, true)) run_row(y, zero_, destination_);
    store_rect(job_.destination, to, destination_, 0, memory_);
    return;
  }
  if (loads_destination_) load_rect(job_.destination, to, destination_, line_, memory_);
  for (uint32_t i = 0; i < rows; ++i) {
    run_row(y + static_cast<int32_t>(i), loads_source_ ? source_ + i * line_ : zero_,
            destination_ + i * line_);
  }
  store_rect(job_.destination, to, destination_, line_, memory_);
}

void BlitRunner::run_row(int32_t y, const std::byte* source, std::byte* to) {
  if (job_.mono) {
    expand_mono(y);
    source = mono_;
  }
  const std::byte* pattern = pattern_ ? pattern_ + pattern_row(y) * line_ : zero_;
  if (masked_) std::memcpy(old_, to, line_);
  apply_rop(job_.rop, pattern, source, to, line_);
  if (masked_) keep_masked(old_, row_mask(y, source, old_), to, line_);
}

const std::byte* BlitRunner::row_mask(int32_t y, const std::byte* source, const std::byte* old) {
  if (!row_masked_) return write_mask_;
  std::memcpy(mask_, write_mask_, line_);
  if (job_.mono && job_.mono->transparent) and_lines(mask_, mono_mask_, line_);
  if (job_.pattern.kind == Pattern::Kind::mono && job_.pattern.transparent) {
    and_lines(mask_, pattern_mask_ + pattern_row(y) * line_, line_);
  }
  if (job_.chroma.on != ChromaKey::On::none) {
    apply_chroma(job_, job_.chroma.on == ChromaKey::On::source ? source : old, mask_, bytes_);
  }
  return mask_;
}

void BlitRunner::expand_mono(int32_t y) {
  const MonoSource& m = *job_.mono;
  const uint64_t first = m.first_bit + uint64_t(y - job_.rect.y1) * m.row_bits +
                         static_cast<uint32_t>(rect_.x1 - job_.rect.x1);
  const uint32_t width = bytes_ / job_.pixel_bytes;
  const uint64_t byte = first / 8, count = (first % 8 + width + 7) / 8;
  // Pixels take a byte each at least and lines are whole words, so the bits of one row fit a line.
  if (m.is_immediate) {
    const auto given = std::as_bytes(m.immediate);
    std::memset(bits_, 0, count);
    if (byte < given.size()) std::memcpy(bits_, &given[byte], std::min(count, given.size() - byte));
  } else {
    memory_.read(m.address + byte, {bits_, count});
    moved_ += count;
  }
  for (uint32_t i = 0; i < width; ++i) {
    const uint64_t bit = first % 8 + i;
    const bool set = (bits_[bit / 8] >> (7 - bit % 8) & std::byte{1}) != std::byte{0};
    put_pixel(mono_, i, job_.pixel_bytes, set ? m.foreground : m.background);
    put_pixel(mono_mask_, i, job_.pixel_bytes, set ? ~0u : 0);
  }
}

}  // namespace gpu::model
