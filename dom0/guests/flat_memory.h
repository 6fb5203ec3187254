// SPDX-License-Identifier: MIT
// Memory of a machine without a hypervisor: frame numbers are guest frame numbers.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "dom0/gpu/model/model.h"

namespace guests {

class FlatMemory final : public gpu::model::DmaBus {
 public:
  explicit FlatMemory(uint64_t ram_bytes);

  std::byte* page(hv::BusFrame frame) override;
  hv::Result<gpu::DmaPage> alloc() override;
  void free(hv::BusFrame frame) override;

  [[nodiscard]] uint64_t ram_bytes() const { return frames_ * hv::kPageSize; }
  [[nodiscard]] std::byte* ram() { return ram_.get(); }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  uint64_t frames_;
  std::unique_ptr<std::byte, Free> ram_;  // calloc: committed when touched
  std::vector<std::unique_ptr<std::byte[]>> extra_;
};

}  // namespace guests
