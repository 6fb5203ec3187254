// SPDX-License-Identifier: MIT
// Planes: reading what the guest programmed, and naming planes the way commands do.
#pragma once

#include <cstdint>
#include <optional>

#include "mediator/register_file.h"

namespace mediator {

struct PlaneView;

/// A universal plane: pipe 0..2, plane 0..3 (PRM's 1..4).
struct PlaneId {
  unsigned pipe = 0, plane = 0;
};

/// The plane whose PLANE_SURF (or other register) is at `offset`.
PlaneId plane_at(uint32_t offset);
/// Gen9 plane select of MI_DISPLAY_FLIP, bits 12:8: 0-2 plane 1, 4-6 plane 2, 7-9 plane 3, of pipes
/// A-C.
std::optional<PlaneId> plane_of_command(unsigned select);
/// Moves a stride (bits 15:6) and tiling (bits 2:0) from MI_DISPLAY_FLIP's dword 1 into the plane.
void set_stride_tiling(RegisterFile& regs, PlaneId id, uint32_t dword);

PlaneView view_plane(const RegisterFile& regs, PlaneId id);
PlaneView view_cursor(const RegisterFile& regs, unsigned pipe);

}  // namespace mediator
