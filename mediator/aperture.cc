// SPDX-License-Identifier: MIT
// BAR2 of a vGPU by trap: the guest's low GGTT window, detiled by its own (virtual) fences.
#include "mediator/vgpu.h"

namespace mediator {

uint64_t Vgpu::aperture_read(uint64_t offset, unsigned size) {
  uint64_t value = 0;
  const auto to = std::as_writable_bytes(std::span{&value, 1}).first(size);
  return ggtt_->read(hv::GmAddr{offset}, to).ok() ? value : 0;
}

void Vgpu::aperture_write(uint64_t offset, unsigned size, uint64_t value) {
  // An address without an entry swallows the write, as the scratch page of a real aperture does.
  (void)ggtt_->write(hv::GmAddr{offset}, std::as_bytes(std::span{&value, 1}).first(size));
}

}  // namespace mediator
