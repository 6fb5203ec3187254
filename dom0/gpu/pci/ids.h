// SPDX-License-Identifier: MIT
// Which PCI functions are GPUs that the host driver knows, as data.
#pragma once

#include <cstdint>

namespace gpu::pci {

/// The family of a Gen9 GPU whose page tables and caches are as the driver expects (Sky Lake to
/// Comet Lake), or nullptr.
const char* family_of(uint16_t device_id);
/// The name of a GPU of Intel's that is known and not supported, or nullptr.
const char* refused_family_of(uint16_t device_id);

}  // namespace gpu::pci
