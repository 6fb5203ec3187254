// SPDX-License-Identifier: MIT
// The driver's own context of an engine: a ring with nothing in it but no-ops, and an address space
// that is all scratch. Written to ELSP it makes whatever runs leave, then leaves itself.
#pragma once

#include <cstdint>
#include <vector>

#include "dom0/gpu/device.h"
#include "shadow/gen9/engine.h"

namespace gpu {

class IdleContext {
 public:
  /// `image` are the pages of the context image (HWSP first), mapped in the GGTT at
  /// `image_address`; `ring` is one page mapped at `ring_address`. `pml4` is a bus address.
  IdleContext(gen9::EngineId engine, std::vector<DmaPage> image, uint64_t image_address,
              DmaPage ring, uint64_t ring_address, uint64_t pml4);

  [[nodiscard]] uint64_t descriptor() const { return descriptor_; }
  /// Rewrites the register state so that a few no-ops are left to run: an execlist context whose
  /// head equals its tail need not be switched to at all.
  void rearm();
  /// Pages 1 and up of its image, as they stand.
  [[nodiscard]] std::vector<std::byte> saved_pages() const;

 private:
  gen9::EngineId engine_;
  std::vector<DmaPage> image_;
  uint64_t ring_address_, pml4_, descriptor_;
  uint32_t tail_ = 0;
};

}  // namespace gpu
