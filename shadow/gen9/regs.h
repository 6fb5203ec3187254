// SPDX-License-Identifier: MIT
// Offsets and bits of the Gen9 registers that more than one part names. PRM names; SKL PRM vol 2c.
// The vGPU's full register table is mediator/register_table.cc.
#pragma once

#include <cstdint>

#include "hv/bits.h"

namespace gen9 {

// Per-engine registers, relative to the engine's MMIO base.
namespace rel {
inline constexpr uint32_t kRingTail = 0x30, kRingHead = 0x34, kRingStart = 0x38, kRingCtl = 0x3c;
inline constexpr uint32_t kRingSyncs = 0x40;
inline constexpr uint32_t kIpeir = 0x64, kIpehr = 0x68, kInstdone = 0x6c, kInstps = 0x70;
inline constexpr uint32_t kActhd = 0x74, kActhdUdw = 0x5c, kDmaFadd = 0x78, kHwsPga = 0x80;
inline constexpr uint32_t kHwstam = 0x98, kMiMode = 0x9c, kNopid = 0x94, kImr = 0xa8;
inline constexpr uint32_t kEir = 0xb0, kEmr = 0xb4, kEsr = 0xb8, kInstpm = 0xc0, kResetCtl = 0xd0;
inline constexpr uint32_t kBbState = 0x110, kSbbAddr = 0x114, kBbAddr = 0x140, kBbAddrUdw = 0x168;
inline constexpr uint32_t kMiPredicateResult2 = 0x3bc;
inline constexpr uint32_t kElsp = 0x230, kExeclistStatusLo = 0x234, kExeclistStatusHi = 0x238;
inline constexpr uint32_t kContextControl = 0x244, kRingMode = 0x29c;
inline constexpr uint32_t kPdp0Ldw = 0x270, kPdp0Udw = 0x274;
inline constexpr uint32_t kTimestamp = 0x358, kTimestampUdw = 0x35c, kCtxTimestamp = 0x3a8;
inline constexpr uint32_t kCsb = 0x370, kCsbPtr = 0x3a0;  // 6 x 8 bytes at +0x370
inline constexpr uint32_t kPredicateSrc0 = 0x400, kPredicateSrc1 = 0x408;
inline constexpr uint32_t kPredicateData = 0x410, kPredicateResult = 0x418;
inline constexpr uint32_t kPredicateResult1 = 0x41c;
inline constexpr uint32_t kGpr0 = 0x600;             // 16 x 8 bytes
inline constexpr uint32_t kForceToNonpriv0 = 0x4d0;  // 12 dwords
}  // namespace rel

inline constexpr unsigned kCsbEntries = 6;
inline constexpr uint64_t kTimestampMhz = 12;  // Skylake to Comet Lake; SKL PRM vol 2c TIMESTAMP

// RING_MODE (GFX_MODE), masked.
inline constexpr uint32_t kModeRunListEnable = hv::bit(15), kModePpgttEnable = hv::bit(9);
// MI_MODE, masked.
inline constexpr uint32_t kMiModeStopRing = hv::bit(8), kMiModeIdle = hv::bit(9);
// RESET_CTL, masked.
inline constexpr uint32_t kResetRequest = hv::bit(0), kResetReady = hv::bit(1);

// Context status buffer event bits.
namespace csb {
inline constexpr uint32_t kIdleToActive = hv::bit(0), kPreempted = hv::bit(1);
inline constexpr uint32_t kElementSwitch = hv::bit(2), kActiveToIdle = hv::bit(3);
inline constexpr uint32_t kContextComplete = hv::bit(4), kWaitSemaphore = hv::bit(7);
inline constexpr uint32_t kLiteRestore = hv::bit(15);
}  // namespace csb

// Context descriptor (SKL PRM vol 2d).
namespace descriptor {
inline constexpr uint64_t kValid = 1, kForceRestore = 1 << 2, kPrivileged = 1 << 8;
using AddressingMode = hv::Field64<4, 3>;  // 1 legacy 32-bit, 3 legacy 64-bit (48-bit PPGTT)
using Lrca = hv::Field64<31, 12>;
using ContextId = hv::Field64<63, 32>;
}  // namespace descriptor

// Engine interrupt bits (before irq_shift).
namespace irq {
inline constexpr uint32_t kUser = hv::bit(0), kCsError = hv::bit(3),
                          kPipeControlNotify = hv::bit(4);
inline constexpr uint32_t kContextSwitch = hv::bit(8), kWaitSemaphore = hv::bit(11);
}  // namespace irq

// Global registers.
inline constexpr uint32_t kRingFault = 0x4094, kFaultTlbData0 = 0x4b10, kFaultTlbData1 = 0x4b14;
inline constexpr uint32_t kErrorGen6 = 0x40a0;
inline constexpr uint32_t kPatLo = 0x40e0, kPatHi = 0x40e4;
inline constexpr uint32_t kGdrst = 0x941c, kGdrstFull = hv::bit(0);
inline constexpr uint32_t kFence0 = 0x100000;  // 32 x 8 bytes
inline constexpr unsigned kFences = 32;
inline constexpr uint32_t kGfxFlushCntl = 0x101008;
inline constexpr uint32_t kMasterIrq = 0x44200, kMasterIrqEnable = hv::bit(31);
inline constexpr uint32_t kForcewakeRender = 0xa278, kForcewakeRenderAck = 0xd84;
inline constexpr uint32_t kForcewakeBlitter = 0xa188, kForcewakeBlitterAck = 0x130044;
inline constexpr uint32_t kForcewakeMedia = 0xa270, kForcewakeMediaAck = 0xd88;
inline constexpr uint32_t kPvInfo = 0x78000, kPvInfoBytes = 0x1000;
inline constexpr uint32_t kL3cc = 0xb020;  // 32 dwords
/// MOCS control tables: 64 dwords per engine; rcs c800, vcs c900, vecs cb00, bcs cc00.
inline constexpr uint32_t kMocs[4] = {0xc800, 0xcc00, 0xc900, 0xcb00};

inline constexpr uint64_t kBar0Bytes = 16u << 20, kMmioBytes = 2u << 20;
inline constexpr uint64_t kGttOffset = 8u << 20, kGttBytes = 8u << 20;
inline constexpr uint64_t kGgttEntries = kGttBytes / 8;  // 4 GiB of GGTT
inline constexpr uint64_t kApertureBytes = 256u << 20;

}  // namespace gen9
