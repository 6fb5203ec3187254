// SPDX-License-Identifier: MIT
// One guest of a recording as something that can be played to a live mediator: what it did, and
// what it had in memory whenever that mattered.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dom0/replay/written_pages.h"
#include "hv/domain.h"
#include "hv/result.h"
#include "hv/trace/reader.h"
#include "mediator/device_model.h"
#include "shadow/gen9/engine.h"

namespace replay {

/// Bytes that the guest had put there.
struct Patch {
  hv::Gpa at{};
  std::vector<std::byte> bytes;
};

/// What the guest can have seen of its GPU's work.
struct Progress {
  uint64_t completed = 0;                          ///< contexts run to their end
  std::array<uint64_t, gen9::kEngines> written{};  ///< bytes written to its memory
};

/// One access of the guest.
struct Action {
  enum class Kind : uint8_t { read, write, page_write } kind{};
  hv::Range range{};
  unsigned size = 0;
  uint64_t offset = 0;  ///< page_write: guest-physical address
  uint64_t value = 0;
  uint64_t at_ns = 0;          ///< since the guest's vGPU was made
  Progress before;             ///< what had happened by then
  std::vector<Patch> patches;  ///< its memory, as far as it was new
};

struct Script {
  mediator::VgpuConfig config;
  uint64_t ram_bytes = 0;
  std::vector<Action> actions;
  uint64_t submissions = 0;  ///< ELSP writes
  Progress end;
  PageSums written;           ///< what the recorded GPU wrote, if the trace says
  bool knows_writes = false;  ///< the trace says what the GPU wrote
};

struct Scripts {
  hv::trace::FileHeader header;
  uint64_t slice_ns = 0, hang_ns = 0;
  bool scan_all = false;
  uint64_t recorded_ns = 0;
  std::map<uint32_t, Script> guests;  ///< by their number in the trace
};

/// Reads a trace that holds what its GPU found in memory; the error is one line without its name.
hv::Result<Scripts, std::string> load_scripts(const std::string& path);

}  // namespace replay
