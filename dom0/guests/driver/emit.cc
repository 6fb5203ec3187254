// SPDX-License-Identifier: MIT
// Ring contents of an i915 6.1 vGPU guest (facts 1.9). Command formats: SKL PRM vol 2a.
#include "dom0/guests/driver/emit.h"

#include "hv/bits.h"
#include "shadow/gen9/pte.h"

namespace guests {
namespace {

using gen9::EngineId;
using hv::bit;

constexpr uint32_t mi(uint32_t opcode, uint32_t length = 0) { return opcode << 23 | length; }
constexpr uint32_t kNoop = 0, kUserInterrupt = mi(0x02), kArbCheck = mi(0x05);
constexpr uint32_t kArbOff = mi(0x08), kArbOn = mi(0x08, 1);
constexpr uint32_t kStoreDwordGgtt = mi(0x20, 2) | bit(22);
constexpr uint32_t kBatchStartPpgtt = mi(0x31, 1) | bit(8);
constexpr uint32_t kFlushDw = mi(0x26, 2), kFlushPostSync = bit(14), kFlushIndex = bit(21);
constexpr uint32_t kFlushTlb = bit(18), kFlushBsd = bit(7), kFlushGgtt = bit(2);
constexpr uint32_t kPipeControl = 0x7a000004;
constexpr uint32_t kSrmGgtt = mi(0x24, 2) | bit(22), kLrmGgtt = mi(0x29, 2) | bit(22);
constexpr uint32_t load_registers(uint32_t n) { return mi(0x22, 2 * n - 1); }

// PIPE_CONTROL dword 1.
constexpr uint32_t kDepthFlush = bit(0), kStateInvalidate = bit(2), kConstInvalidate = bit(3);
constexpr uint32_t kVfInvalidate = bit(4), kDcFlush = bit(5), kFlushEnable = bit(7);
constexpr uint32_t kTextureInvalidate = bit(10), kInstructionInvalidate = bit(11);
constexpr uint32_t kRenderFlush = bit(12), kQwordWrite = bit(14), kTlbInvalidate = bit(18);
constexpr uint32_t kCsStall = bit(20), kStoreIndex = bit(21), kGlobalGtt = bit(24);
constexpr uint32_t kFlushL3 = bit(27);

// Scratch in the per-process status page that nobody reads.
constexpr uint32_t kPphwspScratch = 0xd0;

constexpr uint32_t kL3Sqc4 = 0xb118, kL3Sqc4Default = 0x4060'0000;
constexpr uint32_t kCommonSliceChicken2 = 0x7014, kFfSliceChicken = 0x2088, k3dChicken3 = 0x2090;
constexpr uint32_t kHdcChicken0 = 0x7300, kCsChicken1 = 0x2580;

void put(Words& out, std::initializer_list<uint32_t> words) {
  out.insert(out.end(), words.begin(), words.end());
}
void pipe_control(Words& out, uint32_t flags, uint32_t address = 0, uint32_t data = 0) {
  put(out, {kPipeControl, flags, address, 0, data, 0});
}

void emit_invalidate(Words& out, EngineId engine) {
  if (engine != EngineId::rcs) {
    const uint32_t bsd = engine == EngineId::vcs ? kFlushBsd : 0;
    put(out, {kFlushDw | kFlushIndex | kFlushPostSync | kFlushTlb | bsd, kPphwspScratch, 0, 0});
    return;
  }
  pipe_control(out, 0);  // Gen9 vertex fetch workaround: a null flush before the invalidate
  pipe_control(out,
               kTlbInvalidate | kInstructionInvalidate | kTextureInvalidate | kVfInvalidate |
                   kConstInvalidate | kStateInvalidate | kQwordWrite | kStoreIndex | kCsStall,
               kPphwspScratch);
}

void emit_context_workarounds(Words& out) {
  put(out, {load_registers(2), kHdcChicken0, hv::masked_enable(bit(4)), kCsChicken1,
            hv::masked_enable(bit(2)) | hv::masked_disable(bit(1)), kNoop});
}

void emit_final_breadcrumb(Words& out, const RequestWords& r) {
  const auto address = static_cast<uint32_t>(r.breadcrumb);
  if (r.engine == EngineId::rcs) {
    pipe_control(out, kRenderFlush | kDepthFlush | kDcFlush);
    pipe_control(out, kGlobalGtt | kQwordWrite | kCsStall | kFlushEnable, address, r.seqno);
  } else {
    put(out, {kFlushDw | kFlushPostSync, address | kFlushGgtt, 0, r.seqno});
  }
  put(out, {kUserInterrupt, kArbOn});
}

void chicken_registers(Words& out) {
  put(out, {load_registers(3), kCommonSliceChicken2, hv::masked_disable(bit(0)), kFfSliceChicken,
            hv::masked_disable(bit(9)), k3dChicken3, hv::masked_disable(bit(5)), kNoop});
}

}  // namespace

Emitted emit_request(const RequestWords& r) {
  Emitted e;
  Words& out = e.words;
  emit_invalidate(out, r.engine);
  if (r.first_use && r.engine == EngineId::rcs) emit_context_workarounds(out);
  if (r.mid_thread)
    put(out, {load_registers(1), kCsChicken1, hv::masked_disable(bit(1) | bit(2)), kNoop});
  put(out,
      {kStoreDwordGgtt, static_cast<uint32_t>(r.breadcrumb), 0, r.seqno - 1, kNoop, kArbCheck});
  if (r.batch != 0) {
    put(out, {kArbOff, kBatchStartPpgtt, static_cast<uint32_t>(r.batch),
              static_cast<uint32_t>(r.batch >> 32)});
  }
  emit_final_breadcrumb(out, r);
  if (out.size() % 2) out.push_back(kNoop);  // RING_TAIL counts qwords
  e.tail_words = static_cast<uint32_t>(out.size());
  put(out, {kArbCheck, kNoop});
  return e;
}

Words emit_indirect_context(uint32_t scratch) {
  Words out;
  put(out, {kArbOff});
  put(out, {kSrmGgtt, kL3Sqc4, scratch, 0});
  put(out, {load_registers(1), kL3Sqc4, kL3Sqc4Default});
  pipe_control(out, kCsStall | kDcFlush);
  put(out, {kLrmGgtt, kL3Sqc4, scratch, 0});
  chicken_registers(out);
  pipe_control(out, kFlushL3 | kStoreIndex | kCsStall | kQwordWrite, kPphwspScratch);
  put(out, {kArbOn});
  while (out.size() % 16) out.push_back(kNoop);
  return out;
}

}  // namespace guests
