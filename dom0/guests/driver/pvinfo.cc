// SPDX-License-Identifier: MIT
// PVINFO checks of an i915 6.1 guest (facts 1.1, 1.2, 1.4).
#include "dom0/guests/driver/pvinfo.h"

namespace guests {
namespace {

constexpr uint64_t kMagic = 0x4776'5447'7654'4776;  // "vGTvGTvG"
constexpr uint32_t at(uint32_t offset) { return gen9::kPvInfo + offset; }
constexpr uint32_t kFullPpgtt = hv::bit(2), kHwspEmulation = hv::bit(3);

std::string check_windows(const shadow::GgttWindows& w) {
  if (w.low_base + w.low_bytes > gen9::kApertureBytes) return "low window beyond the aperture";
  if (w.high_base < gen9::kApertureBytes) return "high window inside the aperture";
  if (w.high_base + w.high_bytes > gen9::kGgttEntries * hv::kPageSize)
    return "high window beyond the GGTT";
  return {};
}

}  // namespace

hv::Result<PvInfo, std::string> read_pvinfo(GuestPort& port) {
  if (port.mmio_read(at(0), 8) != kMagic) return std::string("no PVINFO magic");
  if (port.mmio_read(at(8), 2) < 1) return std::string("PVINFO version too old");
  PvInfo info;
  info.caps = port.read32(at(0x10));
  if (!(info.caps & kFullPpgtt)) return std::string("no support for isolated PPGTTs");
  if (!(info.caps & kHwspEmulation)) return std::string("no emulated status page");
  info.windows = {port.read32(at(0x40)), port.read32(at(0x44)), port.read32(at(0x48)),
                  port.read32(at(0x4c))};
  info.fences = port.read32(at(0x50));
  if (const std::string why = check_windows(info.windows); !why.empty()) return why;
  return info;
}

void announce_display_ready(GuestPort& port) { port.write32(at(0x804), 1); }

}  // namespace guests
