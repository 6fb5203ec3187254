// SPDX-License-Identifier: MIT
// The host's own context images, one for each engine: what a first context starts from, and the
// shape that the engine's part of every image is given, so that no register is left to what the
// last context had in it.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "mediator/context_audit.h"
#include "mediator/host_gpu.h"

namespace mediator {

class DefaultImages {
 public:
  explicit DefaultImages(HostGpu& gpu) {
    for (const EngineId e : gen9::kAllEngines) {
      auto& pages = pages_[gen9::index(e)];
      pages.resize((gen9::info(e).context_pages - 1) * hv::kPageSize);
      for (unsigned p = 1; p < gen9::info(e).context_pages; ++p)
        gpu.default_image(e, p, std::span{pages}.subspan((p - 1) * hv::kPageSize, hv::kPageSize));
      prepare_default_state(e, words(e));
    }
  }
  /// Page `n` of the image, from 1 on.
  [[nodiscard]] std::span<const std::byte> page(EngineId e, unsigned n) const {
    return std::span{pages_[gen9::index(e)]}.subspan((n - 1) * hv::kPageSize, hv::kPageSize);
  }
  /// Page 1 as dwords.
  [[nodiscard]] std::span<const uint32_t> state(EngineId e) const {
    return {reinterpret_cast<const uint32_t*>(pages_[gen9::index(e)].data()), hv::kPageSize / 4};
  }

 private:
  std::span<uint32_t> words(EngineId e) {
    return {reinterpret_cast<uint32_t*>(pages_[gen9::index(e)].data()), hv::kPageSize / 4};
  }
  std::array<std::vector<std::byte>, gen9::kEngines> pages_;
};

}  // namespace mediator
