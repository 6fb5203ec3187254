// SPDX-License-Identifier: MIT
// Inputs of a mediator as records: decoding, and the checks that a trap a trace holds is one that a
// back end could have delivered.
#pragma once

#include "hv/trace/record.h"
#include "mediator/mediator.h"

namespace mediator::trace {

bool sane_session(const hv::trace::Record& r);
MediatorConfig decode_session(const hv::trace::Record& r);
bool sane_create(const hv::trace::Record& r);
VgpuConfig decode_create(const hv::trace::Record& r);
bool sane_gpu_shares(const hv::trace::Record& r);
GpuShares decode_gpu_shares(const hv::trace::Record& r);
bool sane_share(const hv::trace::Record& r);
Share decode_share(const hv::trace::Record& r);
/// trap_read, trap_write and page_write.
bool sane_trap(const hv::trace::Record& r, uint64_t aperture_bytes);

}  // namespace mediator::trace
