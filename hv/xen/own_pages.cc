// SPDX-License-Identifier: MIT
#include "hv/xen/own_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace hv::xen {

bool OwnPages::grow() {
  std::byte* block = map_(kBlockPages);
  std::array<BusFrame, kBlockPages> frames;
  // A block whose frames are not proven stays unused: nothing of it may reach the GPU.
  if (!block || !machine_.own(block, frames).ok()) return false;
  for (size_t i = kBlockPages; i-- > 0;) {
    pages_[frames[i].v] = {block + i * kPageSize, false};
    free_.push_back(frames[i].v);
  }
  return true;
}

Result<OwnPages::Page> OwnPages::alloc() {
  if (free_.empty() && !grow()) return Error::no_memory;
  const uint64_t frame = free_.back();
  free_.pop_back();
  State& page = pages_[frame];
  page.used = true;
  return Page{BusFrame{frame}, page.memory};
}

void OwnPages::free(BusFrame frame) {
  const auto it = pages_.find(frame.v);
  if (it == pages_.end() || !it->second.used) return;
  it->second.used = false;
  free_.push_back(frame.v);
}

MapOwn map_hypercall_pages() {
  struct Device {
    int fd = open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC);
    Device() = default;
    ~Device() { close(fd); }
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
  };
  return [device = std::make_shared<Device>()](size_t pages) -> std::byte* {
    void* p = mmap(nullptr, pages * kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd, 0);
    return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
  };
}

}  // namespace hv::xen
