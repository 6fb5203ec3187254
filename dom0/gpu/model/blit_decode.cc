// SPDX-License-Identifier: MIT
// The dwords of XY_* commands, SKL PRM vol 2a (BLT instructions) with 64-bit addresses. "BRnn" are
// the PRM's names of the blitter's internal registers.
#include <algorithm>

#include "dom0/gpu/model/blit_job.h"
#include "hv/bits.h"

namespace gpu::model {
namespace {

using gen9::Cmd;
using gen9::Tiling;
using hv::Field32;
using Dwords = std::span<const uint32_t>;

// BR00, the first dword.
constexpr uint32_t kDestinationTiled = hv::bit(11), kSourceTiled = hv::bit(15);
constexpr uint32_t kWriteRgb = hv::bit(20), kWriteAlpha = hv::bit(21),
                   kTextBytePacked = hv::bit(16);
using SeedY = Field32<10, 8>;
using SeedX = Field32<14, 12>;
using FixedPattern = Field32<18, 15>;
using FirstBit = Field32<19, 17>;  // monochrome source
using ChromaMode = Field32<19, 17>;
// BR01 and BR13.
constexpr uint32_t kSolidPattern = hv::bit(31), kClipping = hv::bit(30);
constexpr uint32_t kMonoSourceTransparent = hv::bit(29), kMonoPatternTransparent = hv::bit(28);
using ColourDepth = Field32<25, 24>;
using RopCode = Field32<23, 16>;
// BCS_SWCTRL: a tiled operand is tile Y.
constexpr uint32_t kSourceY = hv::bit(0), kDestinationY = hv::bit(1);

// Blitter::State: what XY_SETUP_* leave.
enum : unsigned {
  kBr00,
  kBr01,
  kClipLow,
  kClipHigh,
  kBr09Lo,
  kBr09Hi,
  kBackground,
  kForeground,
  kPattern0,
  kPattern1,
  kMonoPattern,
};

uint64_t address(Dwords d, unsigned at) {
  return (d[at] | uint64_t{d[at + 1]} << 32) & ((uint64_t{1} << 48) - 1);
}
int32_t low16(uint32_t v) { return static_cast<int16_t>(v); }
int32_t high16(uint32_t v) { return static_cast<int16_t>(v >> 16); }
Rect rect_of(uint32_t first, uint32_t last) {
  return {low16(first), high16(first), low16(last), high16(last)};
}
/// Pitches are bytes, or dwords where the surface is tiled.
Surface surface_of(uint64_t base, uint32_t pitch, Tiling tiling) {
  const int32_t value = low16(pitch);
  return {base, tiling == Tiling::linear ? value : value * 4, tiling};
}
Tiling tiling_of(bool tiled, bool y) { return !tiled ? Tiling::linear : y ? Tiling::y : Tiling::x; }
uint64_t bits_of(uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; }

/// One command being decoded; methods take the dwords that hold each part.
class Decoder {
 public:
  Decoder(Dwords dwords, const Blitter::State& state, uint32_t swctrl)
      : d_(dwords), state_(state), swctrl_(swctrl) {}

  bool decode(Cmd id);
  BlitJob job;

 private:
  bool header(uint32_t br00, uint32_t br13) {
    job.rop = Rop(static_cast<uint8_t>(RopCode::get(br13)));
    constexpr unsigned kBytes[] = {1, 2, 2, 4};
    job.pixel_bytes = kBytes[ColourDepth::get(br13)];
    job.format_1555 = ColourDepth::get(br13) == 2;
    if (job.pixel_bytes == 4) {
      job.write_mask = (br00 & kWriteRgb ? 0x00ffffff : 0) | (br00 & kWriteAlpha ? 0xff000000 : 0);
    }
    if (br13 & kClipping) job.clip = rect_of(state_[kClipLow], state_[kClipHigh]);
    job.pattern.seed_x = SeedX::get(d_[0]);
    job.pattern.seed_y = SeedY::get(d_[0]);
    return true;
  }
  void destination(uint64_t base, uint32_t br13) {
    const bool tiled = d_[0] & kDestinationTiled;
    job.destination = surface_of(base, br13, tiling_of(tiled, swctrl_ & kDestinationY));
  }
  /// Dwords 1 to 5 of every XY_* command that carries its own destination.
  bool own_destination() {
    destination(address(d_, 4), d_[1]);
    job.rect = rect_of(d_[2], d_[3]);
    return header(d_[0], d_[1]);
  }
  /// What a command after XY_SETUP_* draws into.
  bool setup_destination(Rect rect) {
    destination(bits_of(state_[kBr09Lo], state_[kBr09Hi]), state_[kBr01]);
    job.rect = rect;
    header(state_[kBr00], state_[kBr01]);
    setup_pattern();
    return true;
  }
  void setup_pattern();
  bool source(unsigned at) {  // coordinates, pitch, base
    const bool tiled = d_[0] & kSourceTiled;
    job.source = {surface_of(address(d_, at + 2), d_[at + 1], tiling_of(tiled, swctrl_ & kSourceY)),
                  low16(d_[at]), high16(d_[at])};
    return true;
  }
  bool mono_source(unsigned colours) {
    const uint32_t first = FirstBit::get(d_[0]);
    const auto width = static_cast<uint32_t>(std::max(job.rect.x2 - job.rect.x1, 0));
    job.mono = MonoSource{};
    job.mono->first_bit = first;
    job.mono->row_bits = (first + width + 15) / 16 * 16;  // rows are whole words
    job.mono->background = d_[colours];
    job.mono->foreground = d_[colours + 1];
    job.mono->transparent = d_[1] & kMonoSourceTransparent;
    return true;
  }
  bool mono_source_at(unsigned at) {  // address, background, foreground
    mono_source(at + 2);
    job.mono->address = address(d_, at);
    return true;
  }
  bool mono_source_immediate(unsigned at) {  // background, foreground, bits
    mono_source(at);
    immediate_bits(at + 2);
    return true;
  }
  void immediate_bits(unsigned at) {
    job.mono->is_immediate = true;
    job.mono->immediate = d_.subspan(at);
  }
  bool text(bool immediate);
  bool solid(uint32_t colour) {
    job.pattern.kind = Pattern::Kind::solid;
    job.pattern.foreground = colour;
    return true;
  }
  bool pattern_at(unsigned at) {
    job.pattern.kind = Pattern::Kind::colour;
    job.pattern.address = address(d_, at);
    return true;
  }
  bool pattern_immediate(unsigned at) {
    job.pattern.kind = Pattern::Kind::colour_immediate;
    job.pattern.immediate = d_.subspan(at);
    return true;
  }
  bool mono_pattern(uint32_t br13, uint32_t background, uint32_t foreground, uint64_t bits) {
    job.pattern.kind = br13 & kSolidPattern ? Pattern::Kind::solid : Pattern::Kind::mono;
    job.pattern.background = background;
    job.pattern.foreground = foreground;
    job.pattern.bits = bits;
    job.pattern.transparent = br13 & kMonoPatternTransparent;
    return true;
  }
  bool mono_pattern_at(unsigned at) {
    return mono_pattern(d_[1], d_[at], d_[at + 1], bits_of(d_[at + 2], d_[at + 3]));
  }
  bool chroma(unsigned at) {
    const uint32_t mode = ChromaMode::get(d_[0]);
    if (!(mode & 1)) return true;
    job.chroma.on = mode & 4 ? ChromaKey::On::destination : ChromaKey::On::source;
    job.chroma.alpha = mode & 2;
    job.chroma.low = d_[at];
    job.chroma.high = d_[at + 1];
    return true;
  }
  bool fast_copy();

  Dwords d_;
  const Blitter::State& state_;
  uint32_t swctrl_;
};

void Decoder::setup_pattern() {
  const uint64_t bits = bits_of(state_[kPattern0], state_[kPattern1]);
  if (state_[kMonoPattern] || state_[kBr01] & kSolidPattern) {
    mono_pattern(state_[kBr01], state_[kBackground], state_[kForeground], bits);
  } else {
    job.pattern.kind = Pattern::Kind::colour;
    job.pattern.address = bits & ((uint64_t{1} << 48) - 1);
  }
}

bool Decoder::text(bool immediate) {
  setup_destination(rect_of(d_[1], d_[2]));
  const auto width = static_cast<uint32_t>(std::max(job.rect.x2 - job.rect.x1, 0));
  job.mono = MonoSource{};
  job.mono->row_bits = d_[0] & kTextBytePacked ? (width + 7) / 8 * 8 : width;
  job.mono->background = state_[kBackground];
  job.mono->foreground = state_[kForeground];
  job.mono->transparent = state_[kBr01] & kMonoSourceTransparent;
  // Text has no seeds: those bits of the header mean nothing here.
  job.pattern.seed_x = job.pattern.seed_y = 0;
  if (immediate) {
    immediate_bits(3);
  } else {
    job.mono->address = address(d_, 3);
  }
  return true;
}

/// Bits 18:15 of XY_MONO_PAT_FIXED_BLT. The PRM names the patterns; row 0 is the low byte.
uint64_t fixed_pattern(uint32_t code) {
  switch (code) {
    case 0: return 0x00000000ff000000;   // horizontal
    case 1: return 0x0808080808080808;   // vertical
    case 2: return 0x0102040810204080;   // forward diagonal
    case 3: return 0x8040201008040201;   // backward diagonal
    case 4: return 0x08080808ff080808;   // cross
    case 5: return 0x8142241818244281;   // diagonal cross
    case 8: return 0x55aa55aa55aa55aa;   // screen door
    case 9: return 0x3333cccc3333cccc;   // screen door, wide
    case 10: return 0x0102040810204080;  // walking one
    case 11: return 0xfefdfbf7efdfbf7f;  // walking zero
    default: return 0;
  }
}

bool Decoder::fast_copy() {
  using SourceTiling = Field32<21, 20>;
  using DestinationTiling = Field32<14, 13>;
  using Depth = Field32<26, 24>;
  constexpr unsigned kBytes[] = {1, 2, 0, 4, 8, 16, 0, 0};
  constexpr uint32_t kYf = 3u << 30;  // "new" tile Y, source and destination
  constexpr uint32_t kYs = 3;
  const uint32_t from = SourceTiling::get(d_[0]), to = DestinationTiling::get(d_[0]);
  job.pixel_bytes = kBytes[Depth::get(d_[1])];
  if (job.pixel_bytes == 0 || (d_[1] & kYf) || from == kYs || to == kYs) return false;
  job.rect = rect_of(d_[2], d_[3]);
  job.destination = surface_of(address(d_, 4), d_[1], static_cast<Tiling>(to));
  job.source = {surface_of(address(d_, 8), d_[7], static_cast<Tiling>(from)), low16(d_[6]),
                high16(d_[6])};
  return true;
}

bool Decoder::decode(Cmd id) {
  switch (id) {
    case Cmd::xy_pixel_blt:
      return setup_destination(
                 {low16(d_[1]), high16(d_[1]), low16(d_[1]) + 1, high16(d_[1]) + 1}) &&
             solid(state_[kForeground]);
    case Cmd::xy_scanlines_blt: return setup_destination(rect_of(d_[1], d_[2]));
    case Cmd::xy_text_blt: return text(false);
    case Cmd::xy_text_immediate_blt: return text(true);
    case Cmd::xy_fast_copy_blt: return fast_copy();
    default: break;
  }
  own_destination();
  switch (id) {
    case Cmd::xy_color_blt: return solid(d_[6]);
    case Cmd::xy_pat_blt: return pattern_at(6);
    case Cmd::xy_pat_blt_immediate: return pattern_immediate(6);
    case Cmd::xy_pat_chroma_blt: return pattern_at(6) && chroma(8);
    case Cmd::xy_pat_chroma_blt_immediate: return pattern_immediate(8) && chroma(6);
    case Cmd::xy_mono_pat_blt: return mono_pattern_at(6);
    case Cmd::xy_mono_pat_fixed_blt:
      return mono_pattern(d_[1], d_[6], d_[7], fixed_pattern(FixedPattern::get(d_[0])));
    case Cmd::xy_src_copy_blt: return source(6);
    case Cmd::xy_src_copy_chroma_blt: return source(6) && chroma(10);
    case Cmd::xy_mono_src_copy_blt: return mono_source_at(6);
    case Cmd::xy_mono_src_copy_immediate_blt: return mono_source_immediate(6);
    case Cmd::xy_full_blt: return source(6) && pattern_at(10);
    case Cmd::xy_full_immediate_pattern_blt: return source(6) && pattern_immediate(10);
    case Cmd::xy_full_mono_src_blt: return mono_source_at(6) && pattern_at(10);
    case Cmd::xy_full_mono_src_immediate_pattern_blt:
      return mono_source_at(6) && pattern_immediate(10);
    case Cmd::xy_full_mono_pattern_blt: return source(6) && mono_pattern_at(10);
    case Cmd::xy_full_mono_pattern_mono_src_blt: return mono_source_at(6) && mono_pattern_at(10);
    default: return false;
  }
}

}  // namespace

std::optional<BlitJob> decode_blit(const gen9::CommandDesc& desc, Dwords dwords,
                                   const Blitter::State& state, uint32_t swctrl) {
  Decoder decoder(dwords, state, swctrl);
  if (!decoder.decode(desc.id)) return std::nullopt;
  return decoder.job;
}

bool decode_setup(const gen9::CommandDesc& desc, Dwords d, Blitter::State& state) {
  if (desc.id == Cmd::xy_setup_clip_blt) {
    state[kClipLow] = d[1];
    state[kClipHigh] = d[2];
    return true;
  }
  if (desc.id != Cmd::xy_setup_blt && desc.id != Cmd::xy_setup_mono_pattern_sl_blt) return false;
  std::copy_n(d.begin(), 10, state.begin());
  state[kMonoPattern] = desc.id == Cmd::xy_setup_mono_pattern_sl_blt;
  return true;
}

}  // namespace gpu::model
