// SPDX-License-Identifier: MIT
// The register rules of command streams.
//
// Privileged streams (rings, GGTT batches, indirect contexts): what GVT-g lets them load, with
// four differences. Registers of one engine are for that engine's streams only (GVT-g lumps them,
// which lets one guest's ring reach an engine another guest is running on); the 3D pipeline's, the
// L3's and the execution units' are the render engine's. Registers that all engines share keep the
// host's value: a load of theirs changes the vGPU's own register only. Page directory pointers are
// left out: a loaded pointer would be used by the GPU unshadowed, and no vGPU driver loads them.
// MOCS tables are for the engine they belong to.
//
// User batches: what Gen9 hardware lets a non-secure batch write (SKL PRM vol 7, user mode
// non-privileged registers) and what guests add with FORCE_TO_NONPRIV; for the blitter the list
// that CVE-2019-0155 led to, since its hardware check is incomplete.
#include "mediator/register_access.h"

#include "mediator/engine_state.h"

namespace mediator {
namespace {

using gen9::EngineId;

// --- Privileged streams ---------------------------------------------------------------------

/// Not of one engine: the GPU keeps the host's values.
constexpr RegisterRange kPrivilegedShared[] = {
    {0x4030, 0x4030}, {0x4090, 0x4094},   {0x4180, 0x4180},     {0x4280, 0x4280},
    {0x4380, 0x4380}, {0x4ab0, 0x4ab0},   {0x4ddc, 0x4df4},     {0x9030, 0x9030},
    {0x940c, 0x940c}, {0x9430, 0x9430},   {0xb004, 0xb004},     {0xca00, 0xcafc},
    {0xcd00, 0xcff4}, {0x1c178, 0x1c17c}, {0x120000, 0x120000}, {0x120008, 0x120008},
};
constexpr RegisterRange kPrivilegedRcs[] = {
    {0x2028, 0x2028}, {0x2040, 0x2044}, {0x2088, 0x2088}, {0x2090, 0x2090}, {0x209c, 0x20a0},
    {0x20c0, 0x20c0}, {0x20d4, 0x20d4}, {0x20dc, 0x20e4}, {0x20ec, 0x20ec}, {0x2120, 0x2124},
    {0x2134, 0x2134}, {0x2148, 0x2148}, {0x215c, 0x215c}, {0x2178, 0x2180}, {0x21f0, 0x21f0},
    {0x2220, 0x2220}, {0x2244, 0x2244}, {0x2290, 0x2294}, {0x229c, 0x229c}, {0x2300, 0x235c},
    {0x2420, 0x2420}, {0x2430, 0x243c}, {0x2470, 0x2470}, {0x24d0, 0x24fc}, {0x2580, 0x2580},
    {0x5200, 0x521c}, {0x5240, 0x525c}, {0x5280, 0x528c}, {0x5588, 0x5588}, {0x7000, 0x7008},
    {0x7010, 0x7018}, {0x7300, 0x7304}, {0xb020, 0xb09c}, {0xb118, 0xb11c}, {0xc800, 0xc8fc},
    {0xe100, 0xe100}, {0xe180, 0xe188}, {0xe194, 0xe194}, {0xe220, 0xe220}, {0xe230, 0xe230},
    {0xe240, 0xe240}, {0xe260, 0xe260}, {0xe270, 0xe270}, {0xe280, 0xe280}, {0xe2a0, 0xe2a0},
    {0xe2b0, 0xe2b0}, {0xe2c0, 0xe2c0}, {0xe4cc, 0xe4cc}, {0xe4f0, 0xe4f4},
};
constexpr RegisterRange kPrivilegedVcs[] = {
    {0x12028, 0x12028}, {0x12040, 0x12044}, {0x1209c, 0x1209c}, {0x120c0, 0x120c0},
    {0x120d4, 0x120d4}, {0x12134, 0x12134}, {0x12178, 0x1217c}, {0x12198, 0x12198},
    {0x12220, 0x12220}, {0x12244, 0x12244}, {0x1229c, 0x1229c}, {0x12358, 0x1235c},
    {0xc900, 0xc9fc},
};
constexpr RegisterRange kPrivilegedVecs[] = {
    {0x1a028, 0x1a028}, {0x1a040, 0x1a044}, {0x1a09c, 0x1a09c}, {0x1a0c0, 0x1a0c0},
    {0x1a0d4, 0x1a0d4}, {0x1a134, 0x1a134}, {0x1a178, 0x1a17c}, {0x1a244, 0x1a244},
    {0x1a29c, 0x1a29c}, {0x1a358, 0x1a35c}, {0xcb00, 0xcbfc},
};
constexpr RegisterRange kPrivilegedBcs[] = {
    {0x22028, 0x22028}, {0x22040, 0x22044}, {0x2209c, 0x2209c}, {0x220c0, 0x220c0},
    {0x220d4, 0x220d4}, {0x22134, 0x22134}, {0x22178, 0x2217c}, {0x22200, 0x22200},
    {0x22220, 0x22220}, {0x22244, 0x22244}, {0x2229c, 0x2229c}, {0x22358, 0x2235c},
    {0xcc00, 0xccfc},
};
/// L3SQCREG4: saved and restored by the Gen9 indirect context workaround.
constexpr uint32_t kPrivilegedMemory = 0xb118;

// --- User batches ---------------------------------------------------------------------------

/// Every engine but the blitter, relative to its base.
constexpr RegisterRange kUserAny[] = {
    {0x158, 0x158},                  // BB_OFFSET
    {0x214, 0x214},                  // MI_PREDICATE_RESULT_2
    {0x3bc, 0x3bc}, {0x400, 0x41c},  // MI_PREDICATE_*
    {0x600, 0x67c},                  // general purpose registers
};
constexpr RegisterRange kUserRcs[] = {
    {0x20c0, 0x20c0},  // INSTPM
    {0x20d8, 0x20d8},  // CS_DEBUG_MODE2
    {0x2290, 0x2294},  // CS_INVOCATION_COUNT
    {0x22c8, 0x22cc},  // PS_INVOCATION_COUNT of slice 0
    {0x22d8, 0x22dc},  // PS_DEPTH_COUNT of slice 0
    {0x22f0, 0x22fc},  // both of slice 1
    {0x2300, 0x2354},  // pipeline statistics
    {0x2360, 0x2364},  // OACTXCONTROL, OACTXID
    {0x2420, 0x2420},  // 3DPRIM_END_OFFSET
    {0x2430, 0x2440},  // 3DPRIM_START_VERTEX .. BASE_VERTEX
    {0x2448, 0x2454},  // PS_INVOCATION_COUNT and PS_DEPTH_COUNT of slice 2
    {0x2470, 0x2470},  // VFSKPD
    {0x2500, 0x2508},  // GPGPU_DISPATCHDIM
    {0x5200, 0x521c},  // SO_NUM_PRIMS_WRITTEN
    {0x5240, 0x525c},  // SO_PRIM_STORAGE_NEEDED
    {0x5280, 0x528c},  // SO_WRITE_OFFSET
    {0x7000, 0x7008},  // CACHE_MODE_0, CACHE_MODE_1, GT_MODE
    {0x7034, 0x7034},  // L3CNTLREG
    {0xe400, 0xe404},  // TD_CTL, TD_CTL2
};
/// What guests may put into FORCE_TO_NONPRIV and the hygiene table (engine_state.h) keeps apart:
/// writable if they did. Slots that open anything else stay empty in the GPU.
constexpr RegisterRange kUserByForce[] = {
    {0x20ec, 0x20ec}, {0x2248, 0x2248}, {0x2580, 0x2580}, {0x7010, 0x7014},
    {0x7300, 0x7304}, {0x83a8, 0x83a8}, {0xb110, 0xb110}, {0xb118, 0xb118},
    {0xe100, 0xe100}, {0xe18c, 0xe18c}, {0xe48c, 0xe48c}, {0xe5f4, 0xe5f4},
};
/// Readable besides what is writable, relative to the engine's base: timestamps.
constexpr RegisterRange kUserReadAny[] = {{0x358, 0x35c}, {0x3a8, 0x3a8}};
/// Performance counters and codec status that user drivers store.
constexpr RegisterRange kUserReadRcs[] = {
    {0x2700, 0x295c}, {0x91b8, 0x91c4}, {0xa01c, 0xa01c}, {0xe458, 0xe458}, {0xe558, 0xe558},
    {0xe658, 0xe658}, {0xe758, 0xe758}, {0xe45c, 0xe45c}, {0xe55c, 0xe55c}, {0xe65c, 0xe65c},
};
constexpr RegisterRange kUserReadVcs[] = {
    {0x12800, 0x12ffc},
    {0x1e800, 0x1effc},
    {0xd000, 0xd3fc},
};
// The blitter (CVE-2019-0155).
constexpr RegisterRange kBlitterWritable[] = {
    {0x22200, 0x22200},  // BCS_SWCTRL
    {0x22600, 0x2267c},  // general purpose registers
};
/// Timestamps: the render engine's, the video engine's, its own.
constexpr RegisterRange kBlitterReadable[] = {
    {0x2358, 0x235c}, {0x12358, 0x1235c}, {0x22358, 0x2235c}, {0x223a8, 0x223a8}};

// --- Sets -----------------------------------------------------------------------------------

using Set = RegisterSet<20>;

constexpr void add_relative(Set& s, EngineId e, std::span<const RegisterRange> ranges) {
  const uint32_t base = gen9::info(e).mmio_base;
  for (const RegisterRange& r : ranges) s.add({base + r.first, base + r.last});
}

constexpr Set privileged_set(std::span<const RegisterRange> own) {
  Set s;
  s.add(kPrivilegedShared);
  s.add(own);
  return s;
}

constexpr Set user_write_set(EngineId e) {
  Set s;
  if (e == EngineId::bcs) {
    s.add(kBlitterWritable);
    return s;
  }
  add_relative(s, e, kUserAny);
  if (e == EngineId::rcs) {
    s.add(kUserRcs);
    s.add(kUserByForce);
  }
  return s;
}

constexpr Set user_read_set(EngineId e) {
  Set s = user_write_set(e);
  if (e == EngineId::bcs) {
    s.add(kBlitterReadable);
    return s;
  }
  add_relative(s, e, kUserReadAny);
  if (e == EngineId::rcs) s.add(kUserReadRcs);
  if (e == EngineId::vcs) s.add(kUserReadVcs);
  return s;
}

using PerEngine = std::array<Set, gen9::kEngines>;  // in the order of EngineId

constinit const PerEngine kPrivileged{
    privileged_set(kPrivilegedRcs), privileged_set(kPrivilegedBcs), privileged_set(kPrivilegedVcs),
    privileged_set(kPrivilegedVecs)};
constinit const PerEngine kUserWrite{user_write_set(EngineId::rcs), user_write_set(EngineId::bcs),
                                     user_write_set(EngineId::vcs), user_write_set(EngineId::vecs)};
constinit const PerEngine kUserRead{user_read_set(EngineId::rcs), user_read_set(EngineId::bcs),
                                    user_read_set(EngineId::vcs), user_read_set(EngineId::vecs)};

constexpr uint32_t kDerrmr = 0x44050, kTrtte = 0x4df4;
constexpr uint32_t kCsfeChicken = 0xd4, kForceToNonprivBytes = 48;  // relative to the engine

/// Of any engine: how work reaches it, and what its unprivileged batches may write. The vGPU's own
/// are behind its traps, where their values are checked.
bool is_engine_control(uint32_t offset) {
  for (const gen9::EngineInfo& e : gen9::kEngineInfo) {
    const uint32_t rel = offset - e.mmio_base;
    if (rel == gen9::rel::kRingMode || rel == kCsfeChicken ||
        rel - gen9::rel::kForceToNonpriv0 < kForceToNonprivBytes)
      return true;
  }
  return false;
}

const Set& user_set(const PerEngine& sets, EngineId engine, Rules rules) {
  return sets[gen9::index(rules == Rules::user_blitter ? EngineId::bcs : engine)];
}

}  // namespace

bool is_redirected(uint32_t offset) {
  switch (offset) {
    case kDerrmr:
    case gen9::kForcewakeBlitter:
    case gen9::kRingFault:  // a fault of somebody else's could be forged
    case kTrtte:            // can tell the GPU to find tables in physical memory
    case 0x4180:
    case 0x4280:
    case 0x4380: return true;  // status page addresses of earlier parts
    default: return is_engine_control(offset);
  }
}

bool is_kept_by_host(EngineId engine, uint32_t offset) {
  return keeping_of(engine, offset) == Keeping::host;
}

bool may_write_register(EngineId engine, Rules rules, uint32_t offset) {
  if (rules == Rules::privileged) return kPrivileged[gen9::index(engine)].contains(offset);
  return user_set(kUserWrite, engine, rules).contains(offset);
}

bool may_read_register(EngineId engine, Rules rules, uint32_t offset) {
  if (rules == Rules::privileged) return offset == kPrivilegedMemory;
  return user_set(kUserRead, engine, rules).contains(offset);
}

}  // namespace mediator
