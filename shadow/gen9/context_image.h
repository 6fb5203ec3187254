// SPDX-License-Identifier: MIT
// Logical ring context image: page 0 is the per-process HWSP, page 1 the register state. Indices
// are dwords inside page 1. SKL PRM vol 7 (Register State Context).
#pragma once

#include <cstdint>

namespace gen9::ctx {

inline constexpr unsigned kPphwspPage = 0, kStatePage = 1;
// Value dwords (each stands behind its register's offset dword).
inline constexpr unsigned kContextControl = 3, kRingHead = 5, kRingTail = 7, kRingStart = 9;
inline constexpr unsigned kRingCtl = 11, kBbHeadUdw = 13, kBbHeadLdw = 15, kBbState = 17;
inline constexpr unsigned kSbbHeadUdw = 19, kSbbHeadLdw = 21, kSbbState = 23;
inline constexpr unsigned kBbPerCtxPtr = 25, kIndirectCtx = 27, kIndirectCtxOffset = 29;
inline constexpr unsigned kCtxTimestamp = 35;
inline constexpr unsigned kPdp3Udw = 37, kPdp0Udw = 49,
                          kPdp0Ldw = 51;  // PDPn: 4 dwords apart, down
/// Up to here the layout is architectural; the engine's own LRI blocks follow.
inline constexpr unsigned kEngineState = 0x50;

// CONTEXT_CONTROL bits (masked register).
inline constexpr uint32_t kRestoreInhibit = 1u << 0, kInhibitSyncSwitch = 1u << 3;

// RING_CTL: buffer length in pages - 1 in bits 20:12, bit 0 enable.
constexpr uint32_t ring_bytes(uint32_t ring_ctl) { return (ring_ctl & 0x1ff000) + 0x1000; }

// BB_PER_CTX_PTR: bits 31:12 address, bit 0 valid. INDIRECT_CTX: bits 31:6 address, 5:0 cache
// lines.

}  // namespace gen9::ctx
