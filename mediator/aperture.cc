// SPDX-License-Identifier: MIT
// BAR2 of a vGPU by trap: the guest's low GGTT window, detiled by its own (virtual) fences.
#include <algorithm>

#include "mediator/vgpu.h"
#include "shadow/gen9/tiling.h"

namespace mediator {
namespace {

// Splits an access at the aperture into pieces that stay side by side after detiling. `piece` gets
// the GGTT address, the bytes already done and the length.
template <class Piece>
void detile(std::span<const uint64_t> fences, uint64_t offset, unsigned size, Piece&& piece) {
  for (unsigned done = 0; done < size;) {
    const uint64_t at = offset + done;
    const auto fence = gen9::find_fence(fences, at);
    const auto run = fence ? std::min<uint64_t>(fence->run(at), size - done) : size - done;
    piece(hv::GmAddr{fence ? fence->detile(at) : at}, done, static_cast<unsigned>(run));
    done += static_cast<unsigned>(run);
  }
}

}  // namespace

std::vector<uint64_t> Vgpu::fences() const {
  std::vector<uint64_t> out(std::min<uint32_t>(config_.fences, gen9::kFences));
  for (unsigned i = 0; i < out.size(); ++i) out[i] = device_->fence(i);
  return out;
}

uint64_t Vgpu::aperture_read(uint64_t offset, unsigned size) {
  uint64_t value = 0;
  const auto to = std::as_writable_bytes(std::span{&value, 1});
  detile(fences(), offset, size, [&](hv::GmAddr at, unsigned done, unsigned n) {
    if (!ggtt_->read(at, to.subspan(done, n)).ok()) std::fill_n(to.begin() + done, n, std::byte{0});
  });
  return value;
}

void Vgpu::aperture_write(uint64_t offset, unsigned size, uint64_t value) {
  const auto from = std::as_bytes(std::span{&value, 1});
  detile(fences(), offset, size, [&](hv::GmAddr at, unsigned done, unsigned n) {
    // An address without an entry swallows the write, as the scratch page of an aperture does.
    (void)ggtt_->write(at, from.subspan(done, n));
  });
}

}  // namespace mediator
