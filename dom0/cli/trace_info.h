// SPDX-License-Identifier: MIT
// xengvt trace info: what a recording holds, and what its guests' accesses were.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "hv/trace/reader.h"
#include "shadow/gen9/engine.h"

namespace cli {

/// Accesses of one guest, as they reached the mediator.
struct GuestAccesses {
  struct Pair {
    uint64_t reads = 0, writes = 0;
  };
  std::string name;
  uint64_t vgpu = 0;  ///< the mediator's number for it, 0 if it was not made
  Pair config, registers, ggtt, aperture;
  uint64_t page_writes = 0, interrupts = 0;
  std::array<uint64_t, gen9::kEngines> elsp{};       ///< ELSP writes that completed a submission
  std::array<uint64_t, gen9::kEngines> completed{};  ///< contexts that ran to their end
  std::map<uint32_t, Pair> by_register;              ///< by dword offset

  [[nodiscard]] uint64_t total() const;
  [[nodiscard]] uint64_t submissions() const;
};

struct TraceInfo {
  hv::trace::FileHeader header;
  uint64_t records = 0, bytes = 0;  ///< bytes of records, uncompressed
  uint64_t first_ns = 0, last_ns = 0;
  uint64_t polls = 0, submits = 0;
  std::map<std::string, uint64_t> kinds;
  std::map<uint32_t, GuestAccesses> guests;  ///< by their number in the trace
};

/// Counts what lies between two times, in nanoseconds since the recording's first; everything else
/// is only read. The reader must stand before the first record; look at its error afterwards.
TraceInfo survey_trace(hv::trace::Reader& reader, uint64_t from_ns, uint64_t to_ns);

/// `json` instead of tables.
void print_info(const TraceInfo& info, bool json, std::ostream& out);

}  // namespace cli
