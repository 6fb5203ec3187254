// SPDX-License-Identifier: MIT
// Makes an EDID block from a mode. Timing by VESA CVT 1.2, reduced blanking version 1.
#include "mediator/edid.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace mediator {
namespace {

// Positions in the block.
constexpr size_t kMaker = 8, kProduct = 10, kYear = 17, kVersion = 18, kInput = 20, kSize = 21;
constexpr size_t kGamma = 23, kFeatures = 24, kColours = 25, kEstablished = 35, kStandard = 38;
constexpr size_t kTiming = 54, kDescriptors = 72, kDescriptorBytes = 18, kChecksum = 127;

struct Timing {
  uint32_t width, height, hblank, vblank, vsync;
  uint32_t clock_10khz;
};

constexpr uint32_t kHblank = 160, kHfront = 48, kHsync = 32, kVfront = 3, kVback = 6;

/// Lines of vertical sync, by which CVT tells the aspect ratio.
uint32_t vsync_lines(uint32_t w, uint32_t h) {
  if (w * 3 == h * 4) return 4;
  if (w * 9 == h * 16) return 5;
  if (w * 10 == h * 16) return 6;
  return w * 4 == h * 5 ? 7 : 10;
}

Timing reduced_blanking(uint32_t w, uint32_t h) {
  constexpr uint32_t kFrameNs = 16'666'667, kMinBlankNs = 460'000;
  const uint32_t sync = vsync_lines(w, h);
  const uint32_t line_ns = (kFrameNs - kMinBlankNs) / h;
  const uint32_t vblank = std::max(kMinBlankNs / line_ns + 1, kVfront + sync + kVback);
  const uint64_t hz = uint64_t{60} * (w + kHblank) * (h + vblank);
  // Clocks go in steps of 250 kHz.
  return {w, h, kHblank, vblank, sync, static_cast<uint32_t>(hz / 250'000 * 25)};
}

void put_timing(uint8_t* d, const Timing& t, uint32_t mm_wide, uint32_t mm_high) {
  const auto low = [](uint32_t v) { return static_cast<uint8_t>(v); };
  const auto highs = [](uint32_t a, uint32_t b) {
    return static_cast<uint8_t>((a >> 8 & 0xf) << 4 | (b >> 8 & 0xf));
  };
  d[0] = low(t.clock_10khz);
  d[1] = low(t.clock_10khz >> 8);
  d[2] = low(t.width);
  d[3] = low(t.hblank);
  d[4] = highs(t.width, t.hblank);
  d[5] = low(t.height);
  d[6] = low(t.vblank);
  d[7] = highs(t.height, t.vblank);
  d[8] = low(kHfront);
  d[9] = low(kHsync);
  d[10] = low(kVfront << 4 | (t.vsync & 0xf));
  d[12] = low(mm_wide);
  d[13] = low(mm_high);
  d[14] = highs(mm_wide, mm_high);
  d[17] = 0x1a;  // digital separate sync, horizontal positive, vertical negative
}

void put_text(uint8_t* d, uint8_t tag, std::string_view text) {
  d[3] = tag;
  std::fill_n(d + 5, 13, uint8_t{' '});
  std::copy_n(text.begin(), std::min<size_t>(text.size(), 13), d + 5);
  if (text.size() < 13) d[5 + text.size()] = '\n';
}

void put_range_limits(uint8_t* d) {
  d[3] = 0xfd;
  d[5] = 50;   // Hz, lowest
  d[6] = 75;   // Hz, highest
  d[7] = 15;   // kHz, lowest
  d[8] = 160;  // kHz, highest
  d[9] = 60;   // 600 MHz
  d[10] = 1;   // these limits only
  d[11] = '\n';
  std::fill_n(d + 12, 6, uint8_t{' '});
}

struct Standard {
  uint32_t width, height;
  uint8_t aspect;  ///< 0 16:10, 1 4:3, 2 5:4, 3 16:9
};
constexpr Standard kStandards[] = {{1920, 1080, 3}, {1680, 1050, 0}, {1280, 1024, 2},
                                   {1280, 720, 3},  {1024, 768, 1},  {800, 600, 1}};

void put_standard_timings(uint8_t* to, uint32_t width, uint32_t height) {
  std::fill_n(to, 16, uint8_t{1});  // "unused"
  for (const Standard& s : kStandards) {
    if (s.width > width || s.height > height) continue;
    *to++ = static_cast<uint8_t>(s.width / 8 - 31);
    *to++ = static_cast<uint8_t>(s.aspect << 6);
  }
}

constexpr uint8_t kSrgbPrimaries[10] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};

}  // namespace

Edid make_edid(uint32_t width, uint32_t height, bool display_port) {
  width = std::clamp<uint32_t>(width, 320, 3840);
  height = std::clamp<uint32_t>(height, 200, 2160);
  const uint32_t mm_wide = width * 254 / 960, mm_high = height * 254 / 960;  // 96 dots an inch
  Edid e{};
  std::fill_n(e.begin() + 1, 6, uint8_t{0xff});
  e[kMaker] = 0x60;  // "XGV"
  e[kMaker + 1] = 0xf6;
  e[kProduct] = 1;
  e[kYear] = 2024 - 1990;
  e[kVersion] = 1;
  e[kVersion + 1] = 4;
  e[kInput] = static_cast<uint8_t>(0xa0 | (display_port ? 5 : 2));  // digital, 8 bits a colour
  e[kSize] = static_cast<uint8_t>(mm_wide / 10);
  e[kSize + 1] = static_cast<uint8_t>(mm_high / 10);
  e[kGamma] = 120;      // 2.2
  e[kFeatures] = 0x06;  // sRGB, the first timing is the native one
  std::copy_n(kSrgbPrimaries, 10, e.begin() + kColours);
  e[kEstablished] = 0x20;  // 640x480 at 60 Hz
  put_standard_timings(&e[kStandard], width, height);
  put_timing(&e[kTiming], reduced_blanking(width, height), mm_wide, mm_high);
  put_range_limits(&e[kDescriptors]);
  put_text(&e[kDescriptors + kDescriptorBytes], 0xfc, "XenGVT");
  put_text(&e[kDescriptors + 2 * kDescriptorBytes], 0xff, "0001");
  uint8_t sum = 0;
  for (uint8_t b : e) sum = static_cast<uint8_t>(sum + b);
  e[kChecksum] = static_cast<uint8_t>(-sum);
  return e;
}

}  // namespace mediator
