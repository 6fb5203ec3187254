// SPDX-License-Identifier: MIT
// One guest of the in-process hypervisor: its RAM, its pins and protections, and its CPU's
// accesses.
#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "hv/bits.h"
#include "hv/local/machine.h"
#include "hv/local/ranges.h"

namespace hv::local {
namespace {

struct RamPage {
  std::byte* memory = nullptr;  // nullptr: never there, or ballooned out
  BusFrame frame = kNoFrame;
  uint32_t pins = 0;
  bool is_protected = false;
};

uint64_t load_bytes(const std::byte* p, unsigned size) {
  switch (size) {
    case 8: return load<uint64_t>(p);
    case 4: return load<uint32_t>(p);
    case 2: return load<uint16_t>(p);
    default: return load<uint8_t>(p);
  }
}

void store_bytes(std::byte* p, unsigned size, uint64_t value) {
  switch (size) {
    case 8: return store(p, value);
    case 4: return store(p, static_cast<uint32_t>(value));
    case 2: return store(p, static_cast<uint16_t>(value));
    default: return store(p, static_cast<uint8_t>(value));
  }
}

constexpr uint64_t all_ones(unsigned size) { return ~uint64_t{0} >> (64 - 8 * size); }
constexpr bool legal_size(unsigned size) {
  return size == 1 || size == 2 || size == 4 || size == 8;
}

}  // namespace

struct LocalDomain::Impl {
  std::vector<RamPage> ram;
  Ranges ranges;
  std::map<uint64_t, Gfn> shown;  // by page of BAR 2
  uint64_t protected_pages = 0;
  unsigned interrupts = 0;

  RamPage* page(Gfn gfn) { return gfn.v < ram.size() && ram[gfn.v].memory ? &ram[gfn.v] : nullptr; }
  bool all_there(Gpa at, uint64_t bytes) {
    if (bytes == 0) return true;
    if (at.v + bytes < at.v) return false;
    const uint64_t last = (at.v + bytes - 1) >> kPageShift;
    if (last >= ram.size()) return false;
    for (uint64_t g = at.v >> kPageShift; g <= last; ++g) {
      if (!ram[g].memory) return false;
    }
    return true;
  }
  /// Calls f(page, offset in page, position, bytes) for each page the span touches.
  template <class F>
  Status each_page(Gpa at, uint64_t bytes, F f) {
    if (!all_there(at, bytes)) return Error::bad_address;
    for (uint64_t done = 0; done < bytes;) {
      const uint64_t in_page = (at.v + done) & kPageMask;
      const uint64_t n = std::min(bytes - done, kPageSize - in_page);
      f(ram[(at.v + done) >> kPageShift], in_page, done, n);
      done += n;
    }
    return {};
  }
};

LocalDomain::LocalDomain(Machine& machine, DomId id, std::string name, uint64_t ram_bytes)
    : machine_(machine),
      id_(id),
      name_(std::move(name)),
      ram_bytes_(align_down(ram_bytes, kPageSize)),
      impl_(std::make_unique<Impl>()) {
  impl_->ram.resize(ram_bytes_ / kPageSize);
  for (uint64_t g = 0; g < impl_->ram.size(); ++g) {
    const auto frame = machine_.alloc_guest(id_, Gfn{g});
    if (!frame.ok()) break;
    impl_->ram[g].frame = *frame;
    impl_->ram[g].memory = machine_.page(*frame);
  }
}

LocalDomain::~LocalDomain() {
  for (const RamPage& p : impl_->ram) {
    if (p.frame != kNoFrame) machine_.free(p.frame);
  }
}

Status LocalDomain::read(Gpa from, std::span<std::byte> to) {
  return impl_->each_page(from, to.size(), [&](RamPage& p, uint64_t at, uint64_t done, uint64_t n) {
    std::memcpy(to.data() + done, p.memory + at, n);
  });
}
Status LocalDomain::write(Gpa to, std::span<const std::byte> from) {
  return impl_->each_page(to, from.size(), [&](RamPage& p, uint64_t at, uint64_t done, uint64_t n) {
    std::memcpy(p.memory + at, from.data() + done, n);
  });
}

void LocalDomain::pin(std::span<const Gfn> gfns, std::span<BusFrame> frames) {
  for (size_t i = 0; i < gfns.size(); ++i) {
    RamPage* p = impl_->page(gfns[i]);
    frames[i] = p ? p->frame : kNoFrame;
    if (p) ++p->pins;
  }
}
void LocalDomain::unpin(std::span<const Gfn> gfns) {
  for (const Gfn g : gfns) {
    if (g.v >= impl_->ram.size() || impl_->ram[g.v].pins == 0) continue;
    RamPage& p = impl_->ram[g.v];
    if (--p.pins == 0 && !p.memory) {
      machine_.free(p.frame);
      p.frame = kNoFrame;
    }
  }
}
void LocalDomain::balloon_out(Gfn gfn) {
  RamPage* p = impl_->page(gfn);
  if (!p) return;
  if (p->is_protected) (void)unprotect(gfn);
  p->memory = nullptr;
  if (p->pins == 0) {
    machine_.free(p->frame);
    p->frame = kNoFrame;
  }
}

Status LocalDomain::protect(Gfn gfn) {
  RamPage* p = impl_->page(gfn);
  if (!p) return Error::bad_address;
  std::erase_if(impl_->shown, [gfn](const auto& s) { return s.second == gfn; });
  impl_->protected_pages += !p->is_protected;
  p->is_protected = true;
  return {};
}
Status LocalDomain::unprotect(Gfn gfn) {
  RamPage* p = impl_->page(gfn);
  if (!p) return Error::bad_address;
  impl_->protected_pages -= p->is_protected;
  p->is_protected = false;
  return {};
}

Status LocalDomain::place(Range range, Gpa base, uint64_t bytes) {
  if (range == Range::bar2) impl_->shown.clear();
  return impl_->ranges.place(range, base, bytes);
}
Status LocalDomain::remove(Range range) {
  if (range == Range::bar2) impl_->shown.clear();
  return impl_->ranges.remove(range);
}
Result<uint64_t> LocalDomain::show_ram(Range range, uint64_t offset, std::span<const Gfn> gfns) {
  if (!showing_) return Error::not_supported;
  if (range != Range::bar2 || (offset & kPageMask)) return Error::bad_argument;
  uint64_t n = 0;
  for (; n < gfns.size(); ++n) {
    const RamPage* p = impl_->page(gfns[n]);
    if (!p || p->is_protected) break;
    impl_->shown[(offset >> kPageShift) + n] = gfns[n];
  }
  return n;
}
void LocalDomain::hide_ram(Range range, uint64_t offset, uint64_t pages) {
  const uint64_t first = offset >> kPageShift;
  if (range == Range::bar2)
    std::erase_if(impl_->shown, [&](const auto& s) { return s.first - first < pages; });
}
/// Where the guest reaches its own RAM through a BAR, or nullptr.
std::byte* LocalDomain::shown(Range range, uint64_t offset, unsigned size) {
  if (range != Range::bar2 || impl_->shown.empty()) return nullptr;
  const auto it = impl_->shown.find(offset >> kPageShift);
  if (it == impl_->shown.end() || (offset & kPageMask) + size > kPageSize) return nullptr;
  RamPage* p = impl_->page(it->second);
  return p ? p->memory + (offset & kPageMask) : nullptr;
}
uint64_t LocalDomain::shown_pages() const { return impl_->shown.size(); }
Result<std::span<std::byte>> LocalDomain::register_pages(Range range, uint64_t offset,
                                                         uint64_t bytes) {
  return impl_->ranges.add_pages(range, offset, bytes);
}
Status LocalDomain::set_direct_read(Range range, uint64_t offset, uint64_t bytes, bool direct) {
  return impl_->ranges.set_direct(range, offset, bytes, direct);
}
Status LocalDomain::inject_msi(uint64_t address, uint32_t data) {
  last_msi_ = {address, data};
  ++impl_->interrupts;
  ++counts_.interrupts;
  return {};
}

uint64_t LocalDomain::config_read(uint64_t offset, unsigned size) {
  if (!handler_ || !legal_size(size) || offset + size > 256 || offset >= 256) return ~uint64_t{0};
  ++counts_.config_reads;
  return handler_->on_read(Range::config, offset, size);
}
void LocalDomain::config_write(uint64_t offset, unsigned size, uint64_t value) {
  if (!handler_ || !legal_size(size) || offset + size > 256 || offset >= 256) return;
  ++counts_.config_writes;
  handler_->on_write(Range::config, offset, size, value);
}

uint64_t LocalDomain::cpu_read(Gpa address, unsigned size) {
  if (!legal_size(size)) return ~uint64_t{0};
  Ranges::Hit hit;
  if (impl_->ranges.find(address, size, hit)) {
    if (const std::byte* p = impl_->ranges.direct(hit, size)) {
      ++counts_.direct_reads;
      return load_bytes(p, size);
    }
    if (const std::byte* p = shown(hit.range, hit.offset, size)) return load_bytes(p, size);
    if (!handler_) return all_ones(size);
    ++(hit.range == Range::bar0 ? counts_.register_reads : counts_.aperture_reads);
    return handler_->on_read(hit.range, hit.offset, size) & all_ones(size);
  }
  std::byte buffer[8];
  if (!read(address, {buffer, size})) return all_ones(size);
  return load_bytes(buffer, size);
}

void LocalDomain::cpu_write(Gpa address, unsigned size, uint64_t value) {
  if (!legal_size(size)) return;
  Ranges::Hit hit;
  if (impl_->ranges.find(address, size, hit)) {
    if (std::byte* p = shown(hit.range, hit.offset, size)) return store_bytes(p, size, value);
    if (!handler_) return;
    ++(hit.range == Range::bar0 ? counts_.register_writes : counts_.aperture_writes);
    handler_->on_write(hit.range, hit.offset, size, value & all_ones(size));
    return;
  }
  RamPage* p = impl_->page(gfn_of(address));
  const uint64_t in_page = address.v & kPageMask;
  if (!p || in_page + size > kPageSize) {
    std::byte buffer[8];
    store_bytes(buffer, size, value);
    (void)cpu_write_ram(address, {buffer, size});
    return;
  }
  store_bytes(p->memory + in_page, size, value);
  if (p->is_protected && handler_) {
    ++counts_.page_writes;
    handler_->on_page_write(address, size);
  }
}

Status LocalDomain::cpu_read_ram(Gpa from, std::span<std::byte> to) { return read(from, to); }

Status LocalDomain::cpu_write_ram(Gpa to, std::span<const std::byte> from) {
  if (!impl_->all_there(to, from.size())) return Error::bad_address;
  for (uint64_t done = 0; done < from.size();) {
    const Gpa at{to.v + done};
    // Looked up anew each time: the handler may have released the page, or protected the next.
    RamPage& p = impl_->ram[gfn_of(at).v];
    if (!p.memory) return Error::gone;
    uint64_t n = std::min(from.size() - done, kPageSize - (at.v & kPageMask));
    const bool traps = p.is_protected && handler_;
    if (traps) n = std::min<uint64_t>(n, 8);
    std::memcpy(p.memory + (at.v & kPageMask), from.data() + done, n);
    if (traps) {
      ++counts_.page_writes;
      handler_->on_page_write(at, static_cast<unsigned>(n));
    }
    done += n;
  }
  return {};
}

unsigned LocalDomain::take_interrupts() { return std::exchange(impl_->interrupts, 0u); }
uint64_t LocalDomain::pins(Gfn gfn) const {
  return gfn.v < impl_->ram.size() ? impl_->ram[gfn.v].pins : 0;
}
uint64_t LocalDomain::protected_pages() const { return impl_->protected_pages; }
BusFrame LocalDomain::frame(Gfn gfn) const {
  const RamPage* p = impl_->page(gfn);
  return p ? p->frame : kNoFrame;
}

}  // namespace hv::local
