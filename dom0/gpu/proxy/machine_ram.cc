// SPDX-License-Identifier: MIT
#include "dom0/gpu/proxy/machine_ram.h"

#include <sys/mman.h>
#include <sys/stat.h>

namespace gpu::proxy {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 39;  // what the GPU's bus addresses reach

bool file_holds(int fd, uint64_t offset, uint64_t bytes) {
  struct stat s {};
  if (::fstat(fd, &s) != 0) return false;
  const auto size = static_cast<uint64_t>(s.st_size);
  return offset <= size && bytes <= size - offset;
}

}  // namespace

void MachineRam::clear() {
  for (const Region& r : regions_) ::munmap(r.memory, r.frames << hv::kPageShift);
  regions_.clear();
}

hv::Status MachineRam::sync(Message& message) {
  clear();
  ++generation_;
  if (message.bytes < sizeof(SyncMemory) || message.fds.size() > kMaxRegions)
    return hv::Error::bad_argument;
  const auto map = message.as<SyncMemory>();
  for (size_t i = 0; i < message.fds.size(); ++i) {
    const uint64_t at = map.address[i], bytes = map.bytes[i], offset = map.offset[i];
    if (((at | bytes | offset) & hv::kPageMask) || bytes == 0 || bytes > kMaxBytes ||
        at > kMaxBytes - bytes || !file_holds(message.fds[i].get(), offset, bytes))
      return clear(), hv::Error::bad_argument;
    void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, message.fds[i].get(),
                     static_cast<off_t>(offset));
    if (p == MAP_FAILED) return clear(), hv::Error::io;
    regions_.push_back({at >> hv::kPageShift, bytes >> hv::kPageShift, offset,
                        static_cast<std::byte*>(p), std::move(message.fds[i])});
  }
  return {};
}

std::byte* MachineRam::page(hv::BusFrame frame) {
  const Region* r = find(frame);
  return r ? r->memory + ((frame.v - r->first) << hv::kPageShift) : nullptr;
}

}  // namespace gpu::proxy
