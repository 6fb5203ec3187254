// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/fences.h"

#include <algorithm>

#include "shadow/gen9/tiling.h"

namespace gpu::model {
namespace {

/// How far from `offset` no fence begins.
uint64_t unfenced_run(std::span<const uint64_t> fences, uint64_t offset, uint64_t bytes) {
  for (uint64_t reg : fences) {
    const auto f = gen9::decode_fence(reg);
    if (f && f->start > offset) bytes = std::min(bytes, f->start - offset);
  }
  return bytes;
}

/// Calls `piece(ggtt address, bytes done, bytes)` for each run of the aperture range.
template <class Piece>
void for_each_piece(std::span<const uint64_t> fences, uint64_t offset, uint64_t bytes,
                    Piece&& piece) {
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t at = offset + done, left = bytes - done;
    const auto fence = gen9::find_fence(fences, at);
    const uint64_t n = fence ? std::min(fence->run(at), left) : unfenced_run(fences, at, left);
    piece(fence ? fence->detile(at) : at, done, n);
    done += n;
  }
}

}  // namespace

void read_aperture(std::span<const uint64_t> fences, uint64_t offset, std::span<std::byte> to,
                   GraphicsMemory& ggtt) {
  for_each_piece(fences, offset, to.size(), [&](uint64_t address, uint64_t done, uint64_t n) {
    ggtt.read(address, to.subspan(done, n));
  });
}

void write_aperture(std::span<const uint64_t> fences, uint64_t offset,
                    std::span<const std::byte> from, GraphicsMemory& ggtt) {
  for_each_piece(fences, offset, from.size(), [&](uint64_t address, uint64_t done, uint64_t n) {
    ggtt.write(address, from.subspan(done, n));
  });
}

}  // namespace gpu::model
