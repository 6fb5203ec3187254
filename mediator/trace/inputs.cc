// SPDX-License-Identifier: MIT
#include "mediator/trace/inputs.h"

#include "shadow/gen9/regs.h"

namespace mediator::trace {

namespace {
using hv::trace::Kind;
using hv::trace::Record;

constexpr uint64_t kConfigBytes = 256;
constexpr uint64_t kMaxTime = 1'000'000'000'000;  // nanoseconds of a setting
constexpr uint64_t kMaxName = 256, kMaxVgpus = 4096, kMaxPixels = 16384, kMaxOpenLeaves = 4096;
constexpr uint64_t kGgttBytes = gen9::kGgttEntries * hv::kPageSize;

bool window(uint64_t base, uint64_t bytes) {
  return base <= kGgttBytes && bytes <= kGgttBytes - base && (base | bytes) % hv::kPageSize == 0;
}

bool fits(uint64_t offset, uint64_t size, uint64_t limit) {
  return size >= 1 && size <= 8 && offset < limit && size <= limit - offset;
}

bool power_of_two(uint64_t v) { return (v & (v - 1)) == 0; }
}  // namespace

bool sane_session(const Record& r) {
  return r.args[0] >= 1 && r.args[0] <= kMaxTime && r.args[1] <= kMaxTime &&
         r.args[4] <= kMaxVgpus && r.args[5] <= UINT32_MAX && r.args[7] <= kMaxTime &&
         r.args[8] <= kMaxOpenLeaves;
}

MediatorConfig decode_session(const Record& r) {
  MediatorConfig c;
  c.slice_ns = r.args[0];
  c.hang_ns = r.args[1];
  c.scan_all = r.args[2] != 0;
  c.keep_originals = r.args[3] != 0;
  c.max_vgpus = static_cast<uint32_t>(r.args[4]);
  c.refusals_to_failsafe = static_cast<uint32_t>(r.args[5]);
  c.status_interval_ns = r.args[6];  // 0 in recordings from before there was one, as it was then
  if (r.args[7] != 0) c.clock_refresh_ns = r.args[7];  // 1 ms before it was written down
  c.open_leaves = static_cast<uint32_t>(r.args[8]);
  return c;
}

bool sane_create(const Record& r) {
  const auto& a = r.args;
  return a[0] <= UINT16_MAX && a[1] <= UINT16_MAX && a[2] <= UINT8_MAX && window(a[3], a[4]) &&
         window(a[5], a[6]) && a[7] <= kGgttBytes && a[8] <= gen9::kFences && a[9] <= kMaxPixels &&
         a[10] <= kMaxPixels && a[12] <= UINT32_MAX && r.blob.size() <= kMaxName;
}

VgpuConfig decode_create(const Record& r) {
  const auto& a = r.args;
  VgpuConfig c;
  c.name.assign(reinterpret_cast<const char*>(r.blob.data()), r.blob.size());
  c.device_id = static_cast<uint16_t>(a[1]);
  c.revision = static_cast<uint8_t>(a[2]);
  c.windows = shadow::GgttWindows{a[3], a[4], a[5], a[6]};
  c.aperture_bytes = a[7];
  c.fences = static_cast<uint32_t>(a[8]);
  c.width = static_cast<uint32_t>(a[9]);
  c.height = static_cast<uint32_t>(a[10]);
  c.huge_pages = a[11] != 0;
  c.weight = static_cast<uint32_t>(a[12]);
  return c;
}

bool sane_gpu_shares(const Record& r) { return r.args[0] <= UINT8_MAX && r.args[3] <= UINT16_MAX; }

GpuShares decode_gpu_shares(const Record& r) {
  return {static_cast<Policy>(r.args[0]), r.args[1], r.args[2],
          hv::VgpuId{static_cast<uint16_t>(r.args[3])}};
}

bool sane_share(const Record& r) {
  const auto& a = r.args;
  return (a[0] | a[1] | a[2]) <= UINT32_MAX && a[3] <= UINT8_MAX;
}

Share decode_share(const Record& r) {
  const auto& a = r.args;
  return {static_cast<uint32_t>(a[0]), static_cast<uint32_t>(a[1]), static_cast<uint32_t>(a[2]),
          static_cast<LatencyClass>(a[3]), a[4]};
}

bool sane_trap(const Record& r, uint64_t aperture_bytes) {
  const auto& a = r.args;
  if (r.kind == Kind::page_write) return fits(a[0] % hv::kPageSize, a[1], hv::kPageSize);
  if (!power_of_two(a[2])) return false;
  switch (a[0]) {
    case static_cast<uint64_t>(hv::Range::config): return fits(a[1], a[2], kConfigBytes);
    case static_cast<uint64_t>(hv::Range::bar0): return fits(a[1], a[2], gen9::kBar0Bytes);
    case static_cast<uint64_t>(hv::Range::bar2): return fits(a[1], a[2], aperture_bytes);
    default: return false;
  }
}

}  // namespace mediator::trace
