// SPDX-License-Identifier: MIT
// The command words that i915 6.1 puts into a vGPU's rings around each batch. Pure.
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>

#include "shadow/gen9/engine.h"

namespace guests {

using Words = boost::container::static_vector<uint32_t, 256>;

/// One request as it goes into a ring.
struct RequestWords {
  gen9::EngineId engine{};
  uint64_t batch = 0;       ///< PPGTT address; 0: no batch (kernel requests)
  uint64_t breadcrumb = 0;  ///< GGTT address of the timeline's dword
  uint32_t seqno = 0;
  bool first_use = false;   ///< also load the context workarounds
  bool mid_thread = false;  ///< ask for mid-thread GPGPU preemption, as no i915 does
};

struct Emitted {
  Words words;
  uint32_t tail_words = 0;  ///< the request ends here; what follows is the workaround tail
};

Emitted emit_request(const RequestWords& request);

/// The RCS indirect-context batch (no batch end; padded to cache lines). `scratch` is a GGTT
/// address.
Words emit_indirect_context(uint32_t scratch);

}  // namespace guests
