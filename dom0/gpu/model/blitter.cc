// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/blitter.h"

#include "dom0/gpu/model/blit_job.h"
#include "dom0/gpu/model/blit_run.h"

namespace gpu::model {

uint64_t Blitter::execute(const gen9::CommandDesc& desc, std::span<const uint32_t> dwords,
                          BlitMemory& memory) {
  if (decode_setup(desc, dwords, state_)) return 0;
  const auto job = decode_blit(desc, dwords, state_, swctrl_);
  return job ? BlitRunner(*job, memory, scratch_).run() : 0;
}

}  // namespace gpu::model
