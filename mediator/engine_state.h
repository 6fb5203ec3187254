// SPDX-License-Identifier: MIT
// Everything a Gen9 GPU keeps from one context to the next, in one table, with what is done so that
// no vGPU meets another's. Scanner, context audit and the switch between vGPUs work from it;
// docs/HYGIENE.md shows it; dom0/embedded/hygiene_guard.h checks on the model that it was done.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "mediator/host_gpu.h"
#include "shadow/gen9/engine.h"

namespace mediator {

enum class Keeping : uint8_t {
  none,     ///< not in the table
  image,    ///< the GPU saves and restores it with each context; a first context starts from the
            ///< host's own image and the vGPU's registers, never from what the last one left
  load,     ///< the vGPU's own value is loaded before a context of it runs
  saved,    ///< likewise, and read back when the vGPU leaves: its user batches may have changed it
  rebuilt,  ///< written anew into each context's image by the mediator
  host,  ///< one for all engines: the GPU keeps the host's value, each vGPU has its own in memory
  flushed,  ///< no register: emptied before another vGPU could meet it
};
const char* keeping_name(Keeping k);

/// A range of dword registers, or (offsets 0) something without an address.
struct EngineState {
  const char* name;
  gen9::EngineMask engines;  ///< whose contexts could leave something in it
  uint32_t first, last;      ///< both included; relative to each engine's base if `relative`
  bool relative;
  Keeping keeping;
  const char* how;  ///< for readers
};

std::span<const EngineState> engine_state_table();
/// What is done about this register where contexts of this engine are concerned.
Keeping keeping_of(gen9::EngineId engine, uint32_t offset);
/// Loaded before a context of another vGPU runs on the engine (load and saved).
inline bool is_loaded(gen9::EngineId engine, uint32_t offset) {
  const Keeping k = keeping_of(engine, offset);
  return k == Keeping::load || k == Keeping::saved;
}
/// How a vGPU's register is written so that the GPU's holds its value.
struct LoadedRegister {
  uint32_t offset = 0;
  enum class Form : uint8_t {
    plain,
    masked,  ///< with all its mask bits
    mode,    ///< MI_MODE: what stops the ring is not the guest's
    slot,    ///< FORCE_TO_NONPRIV: only what opens a register of this table
  } form = Form::plain;
  bool saved = false;
  bool table = false;  ///< one of many: MOCS, L3CC
};
/// The registers to load at a switch on this engine, in the order of the table.
std::span<const LoadedRegister> loaded_registers(gen9::EngineId engine);
/// What to write for a vGPU that has `value` there.
uint32_t value_to_load(gen9::EngineId engine, const LoadedRegister& r, uint32_t value);

/// What a stream leaves in a register that outlives its context.
struct Mark {
  uint32_t offset = 0;
  uint32_t value = 0;  ///< the vGPU's register afterwards
  bool sure = true;    ///< it is that, wherever in the stream the GPU stands
  bool operator==(const Mark&) const = default;
};
/// Adds one to a list that has each register once.
void add_mark(std::vector<Mark>& marks, Mark mark);

/// What an engine holds of a vGPU's registers, so that a switch writes only what is different.
class LoadedState {
 public:
  /// `wanted`: what to write for loaded_registers(), in that order. Returns what has to be written:
  /// what differs or was marked, and, if it was another's turn before, all that its user batches
  /// may have changed.
  std::vector<RegisterValue> change_to(hv::VgpuId vgpu, gen9::EngineId engine,
                                       std::span<const uint32_t> wanted) const;
  /// They are in the registers now.
  void done(hv::VgpuId vgpu, std::span<const uint32_t> wanted) {
    owner_ = vgpu;
    values_.assign(wanted.begin(), wanted.end());
    marked_.assign(wanted.size(), false);
  }
  /// Whose values they are; the host's if not known.
  [[nodiscard]] hv::VgpuId owner() const { return owner_; }
  /// A stream of the owner's writes to these. Where that may leave anything else than what is there
  /// it is loaded over before the next one, but for what stands in the GPU alone and is read back
  /// when the owner leaves.
  void mark(gen9::EngineId engine, std::span<const Mark> marks);
  /// Nothing is known any more, nor worth reading back.
  void lost() {
    values_.clear();
    owner_ = hv::kHostOwner;
  }

 private:
  hv::VgpuId owner_ = hv::kHostOwner;
  std::vector<uint32_t> values_;
  std::vector<bool> marked_;
};

}  // namespace mediator
