// SPDX-License-Identifier: MIT
// The table itself. What is in a context image: SKL PRM vol 7 (Register State Context), vol 2c
// under each register ("context saved and restored"); where the PRM does not say so, a register is
// loaded, which is right either way: a restore overwrites it.
#include "mediator/engine_state.h"

#include <algorithm>
#include <array>

#include "mediator/register_access.h"
#include "mediator/register_table.h"

namespace mediator {
namespace {

using gen9::engine_bit;
using gen9::EngineId;
using gen9::EngineMask;

constexpr EngineMask kAll = gen9::kAllEngineMask, kRcs = engine_bit(EngineId::rcs),
                     kBcs = engine_bit(EngineId::bcs), kVcs = engine_bit(EngineId::vcs),
                     kVecs = engine_bit(EngineId::vecs), kNotRcs = kAll & ~kRcs;

constexpr EngineState each(const char* name, uint32_t first, uint32_t last, Keeping k,
                           const char* how = "", EngineMask engines = kAll) {
  return {name, engines, first, last, true, k, how};
}
constexpr EngineState one(const char* name, EngineMask engines, uint32_t first, uint32_t last,
                          Keeping k, const char* how = "") {
  return {name, engines, first, last, false, k, how};
}
constexpr EngineState no_register(const char* name, EngineMask engines, const char* how) {
  return {name, engines, 0, 0, false, Keeping::flushed, how};
}
using enum Keeping;

constexpr uint32_t kNonprivBytes = 48, kNonprivAddress = 0x3fffffc;

constexpr auto kTable = std::to_array<EngineState>({
    // Registers every engine has.
    each("EXCC", 0x28, 0x28, load),
    each("RING_SYNC", 0x40, 0x48, load),
    each("NOPID", 0x94, 0x94, image),
    each("HWSTAM", 0x98, 0x98, host, "the host alone decides what its status page receives"),
    each("MI_MODE", 0x9c, 0x9c, load, "but for STOP_RING"),
    each("INSTPM", 0xc0, 0xc0, image),
    each("CSFE_CHICKEN1", 0xd4, 0xd4, load, "without the preemption granularity"),
    each("RING_UHPTR", 0x134, 0x134, load),
    each("BB_OFFSET", 0x158, 0x158, image),
    each("CTX_RELATED", 0x178, 0x180, load),
    each("MI_PREDICATE_RESULT_2 (old)", 0x214, 0x214, image),
    each("PP_DIR_DCLV", 0x220, 0x220, load),
    each("CONTEXT_CONTROL", 0x244, 0x244, rebuilt, "every context is saved"),
    each("PDP", 0x270, 0x28c, rebuilt, "the shadow tables' root"),
    each("RING_MODE", 0x29c, 0x29c, host),
    each("TIMESTAMP", 0x358, 0x35c, host, "everybody's clock; streams cannot set it"),
    each("CTX_TIMESTAMP", 0x3a8, 0x3a8, image),
    each("MI_PREDICATE_RESULT_2", 0x3bc, 0x3bc, image),
    each("MI_PREDICATE", 0x400, 0x41c, image),
    each("FORCE_TO_NONPRIV", 0x4d0, 0x4fc, load, "slots that open a register of this table only"),
    each("CS_GPR", 0x600, 0x67c, image),
    // The render engine's.
    one("CHICKEN_2088", kRcs, 0x2088, 0x2088, load),
    one("3D_CHICKEN3", kRcs, 0x2090, 0x2090, load),
    one("FF_THREAD_MODE", kRcs, 0x20a0, 0x20a0, load),
    one("CS_DEBUG_MODE2", kRcs, 0x20d8, 0x20d8, image),
    one("CHICKEN_20DC", kRcs, 0x20dc, 0x20dc, load),
    one("FF_SLICE_CS_CHICKEN", kRcs, 0x20e0, 0x20e4, image),
    one("CS_DEBUG_MODE1", kRcs, 0x20ec, 0x20ec, saved),
    one("CHICKEN_2120", kRcs, 0x2120, 0x2124, load),
    one("CHICKEN_2148", kRcs, 0x2148, 0x2148, load),
    one("CHICKEN_215C", kRcs, 0x215c, 0x215c, load),
    one("CS_CTX_21F0", kRcs, 0x21f0, 0x21f0, load),
    one("CTX_PREEMPT", kRcs, 0x2248, 0x2248, saved),
    one("CS_INVOCATION_COUNT", kRcs, 0x2290, 0x2294, image),
    one("PS_INVOCATION_COUNT_0", kRcs, 0x22c8, 0x22cc, image),
    one("PS_DEPTH_COUNT_0", kRcs, 0x22d8, 0x22dc, image),
    one("PS_INVOCATION_COUNT_1, PS_DEPTH_COUNT_1", kRcs, 0x22f0, 0x22fc, image),
    one("pipeline statistics", kRcs, 0x2300, 0x2354, image),
    one("OACTXCONTROL", kRcs, 0x2360, 0x2364, image),
    one("3DPRIM_END_OFFSET", kRcs, 0x2420, 0x2420, image),
    one("3DPRIM", kRcs, 0x2430, 0x2440, image),
    one("PS_INVOCATION_COUNT_2, PS_DEPTH_COUNT_2", kRcs, 0x2448, 0x2454, image),
    one("VFSKPD", kRcs, 0x2470, 0x2470, saved),
    one("GPGPU_DISPATCHDIM", kRcs, 0x2500, 0x2508, image),
    one("CS_CHICKEN1", kRcs, 0x2580, 0x2580, image, "first contexts: preemption at command level"),
    one("SO_NUM_PRIMS_WRITTEN", kRcs, 0x5200, 0x521c, image),
    one("SO_PRIM_STORAGE_NEEDED", kRcs, 0x5240, 0x525c, image),
    one("SO_WRITE_OFFSET", kRcs, 0x5280, 0x528c, image),
    one("WM_CHICKEN3", kRcs, 0x5588, 0x5588, image),
    one("CACHE_MODE, GT_MODE", kRcs, 0x7000, 0x7008, image),
    one("COMMON_SLICE_CHICKEN", kRcs, 0x7010, 0x7018, image),
    one("L3CNTLREG", kRcs, 0x7034, 0x7034, image),
    one("HDC_CHICKEN", kRcs, 0x7300, 0x7304, image),
    one("VF_GUARDBAND", kRcs, 0x83a4, 0x83a4, load),
    one("VF_83A8", kRcs, 0x83a8, 0x83a8, saved),
    one("SCRATCH_LNCF1", kRcs, 0xb008, 0xb008, load),
    one("L3CC", kRcs, 0xb020, 0xb09c, load),
    one("L3SQCREG2", kRcs, 0xb110, 0xb110, saved),
    one("L3SQCREG4", kRcs, 0xb118, 0xb118, saved),
    one("SCRATCH1", kRcs, 0xb11c, 0xb11c, load),
    one("HALF_SLICE_CHICKEN1", kRcs, 0xe100, 0xe100, saved),
    one("HALF_SLICE_CHICKEN2..6", kRcs, 0xe180, 0xe18c, image),
    one("HALF_SLICE_CHICKEN7", kRcs, 0xe194, 0xe194, image),
    one("TDL_E220", kRcs, 0xe220, 0xe220, load),
    one("TDL_E230", kRcs, 0xe230, 0xe230, load),
    one("TDL_E240", kRcs, 0xe240, 0xe240, load),
    one("TDL_E260", kRcs, 0xe260, 0xe260, load),
    one("TDL_E270", kRcs, 0xe270, 0xe270, load),
    one("TDL_E280", kRcs, 0xe280, 0xe280, load),
    one("TDL_E2A0", kRcs, 0xe2a0, 0xe2a0, load),
    one("TDL_E2B0", kRcs, 0xe2b0, 0xe2b0, load),
    one("TDL_E2C0", kRcs, 0xe2c0, 0xe2c0, load),
    one("TD_CTL", kRcs, 0xe400, 0xe404, image),
    one("ROW_CHICKEN4", kRcs, 0xe48c, 0xe48c, saved),
    one("ROW_E4CC", kRcs, 0xe4cc, 0xe4cc, load),
    one("ROW_CHICKEN", kRcs, 0xe4f0, 0xe4f4, load),
    one("DSS_E5F4", kRcs, 0xe5f4, 0xe5f4, saved),
    // Other engines' own.
    one("VCS_12198", kVcs, 0x12198, 0x12198, load),
    one("VCS2", kAll, 0x1c178, 0x1c17c, host, "an engine no vGPU has"),
    one("BCS_SWCTRL", kBcs, 0x22200, 0x22200, image),
    one("RCS_MOCS", kRcs, 0xc800, 0xc8fc, load),
    one("VCS_MOCS", kVcs, 0xc900, 0xc9fc, load),
    one("VCS2_MOCS", kAll, 0xca00, 0xcafc, host, "an engine no vGPU has"),
    one("VECS_MOCS", kVecs, 0xcb00, 0xcbfc, load),
    one("BCS_MOCS", kBcs, 0xcc00, 0xccfc, load),
    // One for all engines, which run contexts of different vGPUs at the same time.
    one("ARB_MODE", kAll, 0x4030, 0x4030, host),
    one("GAM_ECOCHK", kAll, 0x4090, 0x4090, host),
    one("RING_FAULT", kAll, 0x4094, 0x4094, host, "the vGPU is told its own faults"),
    one("PRIVATE_PAT", kAll, 0x40e0, 0x40e4, host, "the table every driver uses"),
    one("GAM_HWS_PGA", kAll, 0x4180, 0x4380, host),
    one("GAMT_ECO", kAll, 0x4ab0, 0x4ab8, host),
    one("MMCD_MISC, TR-TT", kAll, 0x4ddc, 0x4dfc, host, "no vGPU has tiled-resource tables"),
    one("UCGCTL", kAll, 0x9024, 0x9030, host),
    one("UCGCTL1..4", kAll, 0x9400, 0x940c, host),
    one("UCGCTL6", kAll, 0x9430, 0x9430, host),
    one("GARBCNTL", kAll, 0xb004, 0xb004, host),
    one("MOCS_RESERVED", kAll, 0xcd00, 0xcff4, host),
    one("forcewake", kAll, 0xa188, 0xa278, host),
    one("DERRMR", kAll, 0x44050, 0x44050, host),
    one("GT FIFO", kAll, 0x120000, 0x120008, host),
    // What has no register.
    no_register(
        "3D state", kRcs,
        "in pages 2 and up of the image; a first context starts from the host's own image, and "
        "pages that the host has not saved itself are not loaded"),
    no_register(
        "SLM, GRF of the EUs", kRcs,
        "cleared by a stalling L3 flush in front of every restored context (CVE-2019-14615)"),
    no_register("L3 and render caches", kRcs,
                "written back at every save; L3 flush at every restore"),
    no_register("blitter set-up, MI_SET_PREDICATE", kAll, "part of the image"),
    no_register("MI_ARB_ON_OFF", kAll, "on after every restore"),
    no_register("PPGTT TLBs", kAll,
                "dropped by the GPU when it loads another root; after a change "
                "of tables by the mediator before the next submission"),
    no_register("GGTT TLBs", kAll,
                "dropped before the next submission after a change; no vGPU's "
                "streams hold GGTT addresses other than its own"),
    no_register("faults, error and interrupt bits", kAll,
                "carry the context they belong to; dropped at an engine's reset"),
});

constexpr uint32_t first_of(const EngineState& s, EngineId e) {
  return s.first + (s.relative ? gen9::info(e).mmio_base : 0);
}
constexpr uint32_t last_of(const EngineState& s, EngineId e) {
  return s.last + (s.relative ? gen9::info(e).mmio_base : 0);
}

consteval bool rows_do_not_overlap() {
  for (const EngineId e : gen9::kAllEngines)
    for (size_t i = 0; i < kTable.size(); ++i)
      for (size_t k = i + 1; k < kTable.size(); ++k) {
        const EngineState &a = kTable[i], &b = kTable[k];
        if (!(a.engines & b.engines & engine_bit(e)) || a.last == 0 || b.last == 0) continue;
        if (first_of(a, e) <= last_of(b, e) && first_of(b, e) <= last_of(a, e)) return false;
      }
  return true;
}
static_assert(rows_do_not_overlap());

using Set = RegisterSet<24>;

constexpr Set set_of(EngineId e, Keeping k) {
  Set s;
  for (const EngineState& row : kTable)
    if (row.keeping == k && (row.engines & engine_bit(e)))
      s.add({first_of(row, e), last_of(row, e)});
  return s;
}
/// For each engine, in the order of EngineId.
using PerEngine = std::array<Set, gen9::kEngines>;
constexpr PerEngine sets_of(Keeping k) {
  return {set_of(EngineId::rcs, k), set_of(EngineId::bcs, k), set_of(EngineId::vcs, k),
          set_of(EngineId::vecs, k)};
}
constinit const PerEngine kImages = sets_of(image), kLoads = sets_of(load), kSaves = sets_of(saved),
                          kRebuilt = sets_of(rebuilt), kHosts = sets_of(host);

LoadedRegister::Form form_of(EngineId e, uint32_t offset) {
  using Form = LoadedRegister::Form;
  const uint32_t rel = offset - gen9::info(e).mmio_base;
  if (rel == gen9::rel::kMiMode) return Form::mode;
  if (rel - gen9::rel::kForceToNonpriv0 < kNonprivBytes) return Form::slot;
  const RegisterDesc* d = find_register(offset);
  const bool masked =
      d != nullptr && (d->behaviour == Behaviour::masked || d->hook == Hook::csfe_chicken);
  return masked ? Form::masked : Form::plain;
}

std::vector<LoadedRegister> list_loaded(EngineId e) {
  std::vector<LoadedRegister> out;
  for (const EngineState& row : kTable) {
    if (!(row.engines & engine_bit(e)) || (row.keeping != load && row.keeping != saved)) continue;
    for (uint32_t at = first_of(row, e); at <= last_of(row, e); at += 4)
      out.push_back({at, form_of(e, at), row.keeping == saved, row.last - row.first > 64});
  }
  return out;
}

}  // namespace

const char* keeping_name(Keeping k) {
  switch (k) {
    case Keeping::none: return "none";
    case Keeping::image: return "image";
    case Keeping::load: return "load";
    case Keeping::saved: return "saved";
    case Keeping::rebuilt: return "rebuilt";
    case Keeping::host: return "host";
    case Keeping::flushed: return "flushed";
  }
  return "?";
}

std::span<const EngineState> engine_state_table() { return kTable; }

Keeping keeping_of(EngineId engine, uint32_t offset) {
  const unsigned e = gen9::index(engine);
  if (kImages[e].contains(offset)) return image;
  if (kLoads[e].contains(offset)) return load;
  if (kSaves[e].contains(offset)) return saved;
  if (kHosts[e].contains(offset)) return host;
  return kRebuilt[e].contains(offset) ? rebuilt : none;
}

std::span<const LoadedRegister> loaded_registers(EngineId engine) {
  static const std::array<std::vector<LoadedRegister>, gen9::kEngines> lists{
      list_loaded(EngineId::rcs), list_loaded(EngineId::bcs), list_loaded(EngineId::vcs),
      list_loaded(EngineId::vecs)};
  return lists[gen9::index(engine)];
}

uint32_t value_to_load(EngineId engine, const LoadedRegister& r, uint32_t value) {
  constexpr uint32_t kHosts = gen9::kMiModeStopRing | gen9::kMiModeIdle;
  switch (r.form) {
    case LoadedRegister::Form::plain: return value;
    case LoadedRegister::Form::masked: return 0xffff0000 | value;
    case LoadedRegister::Form::mode: return (0xffff & ~kHosts) << 16 | (value & ~kHosts & 0xffff);
    case LoadedRegister::Form::slot: break;
  }
  const Keeping k = keeping_of(engine, value & kNonprivAddress);
  return k == image || k == saved ? value : 0;
}

std::vector<RegisterValue> LoadedState::change_to(hv::VgpuId vgpu, EngineId engine,
                                                  std::span<const uint32_t> wanted) const {
  const std::span<const LoadedRegister> list = loaded_registers(engine);
  const bool known = values_.size() == wanted.size(), other = vgpu != owner_;
  std::vector<RegisterValue> out;
  for (size_t i = 0; i < wanted.size(); ++i)
    if (!known || (list[i].saved ? other : marked_[i]) || values_[i] != wanted[i])
      out.push_back({list[i].offset, wanted[i]});
  return out;
}

void add_mark(std::vector<Mark>& marks, Mark mark) {
  const auto it = std::ranges::find(marks, mark.offset, &Mark::offset);
  if (it == marks.end())
    marks.push_back(mark);
  else
    it->sure = it->sure && *it == mark;
}

void LoadedState::mark(EngineId engine, std::span<const Mark> marks) {
  using Form = LoadedRegister::Form;
  const std::span<const LoadedRegister> list = loaded_registers(engine);
  for (const Mark& m : marks) {
    const auto r = std::ranges::find(list, m.offset, &LoadedRegister::offset);
    const auto i = static_cast<size_t>(r - list.begin());
    if (i >= std::min(values_.size(), marked_.size())) continue;
    // In the other forms the GPU holds something else than what is loaded.
    const bool whole = r->form == Form::plain || r->form == Form::masked;
    if (!whole || !m.sure || value_to_load(engine, *r, m.value) != values_[i]) marked_[i] = true;
  }
}

}  // namespace mediator
