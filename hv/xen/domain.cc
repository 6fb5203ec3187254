// SPDX-License-Identifier: MIT
// The hv::Domain of a Xen guest: what its requests mean, and what the mediator may do to it.
#include "hv/xen/domain.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "hv/xen/calls.h"
#include "hv/xen/memory.h"
#include "hv/xen/register_pages.h"
#include "hv/xen/server.h"

namespace hv::xen {
namespace {

constexpr uint64_t kConfigBytes = 256;

std::string refuse(DomId id, const std::string& why) {
  return "domain " + std::to_string(id.v) + ": " + why;
}

/// Empty if a vGPU can work in such a domain.
std::string unsuitable(Calls& calls, DomainInfo& info) {
  if (const int e = calls.info(info)) return "cannot ask Xen about it: " + errno_text(e);
  if (info.dying || info.shut_down) return "it is shutting down";
  if (!info.hvm) return "a PV guest has no PCI bus for a vGPU; use type=\"hvm\"";
  if (!info.device_model) return "a PVH guest has no PCI bus for a vGPU; use type=\"hvm\"";
  if (!info.hap) return "a vGPU needs hardware assisted paging; use hap=1";
  uint64_t entries = 0;
  if (calls.pod_entries(entries) == 0 && entries)
    return "a vGPU cannot work with populate-on-demand memory; set maxmem equal to memory";
  return {};
}

}  // namespace

struct XenDomain::Impl final : Accesses {
  Impl(std::unique_ptr<Calls> c, const XenConfig& cfg, unsigned s)
      : calls(std::move(c)),
        config(cfg),
        slot(s),
        memory(*calls, *cfg.frames, s),
        pages(*calls, memory, [this](std::string_view line) { log(line); }),
        server(*calls) {}

  void log(std::string_view line) {
    if (config.log) config.log(refuse(info.id, std::string(line)));
  }
  uint64_t answer(const Ioreq& request);
  void count(const Ioreq& request);
  uint64_t read_at(IoType type, uint64_t address, unsigned size) override;
  void write_at(IoType type, uint64_t address, unsigned size, uint64_t value) override;
  void write_ram(uint64_t address, unsigned size, uint64_t value);
  [[nodiscard]] bool ours(uint64_t config_address) const {
    return (config_address >> 32) == (config.pci_device << 3 | config.pci_function);
  }
  [[nodiscard]] bool in_page(uint64_t address, unsigned size) const {
    return (address & kPageMask) + size <= kPageSize;
  }

  std::unique_ptr<Calls> calls;
  XenConfig config;
  unsigned slot;
  DomainInfo info;
  GuestMemory memory;
  RegisterPages pages;
  Server server;
  TrapHandler* handler = nullptr;
  ExitCounts counts;
  std::unordered_set<uint64_t> trapped;  // protected guest frames
  bool busy = false, closed = false;
};

// ---- what the guest does

void XenDomain::Impl::count(const Ioreq& r) {
  Range range{};
  uint64_t offset = 0;
  if (r.type == IoType::invalidate) {
    ++counts.invalidations;
  } else if (r.type == IoType::config) {
    ++(r.is_read() ? counts.config_reads : counts.config_writes);
  } else if (r.type != IoType::memory) {
    ++counts.strays;
  } else if (server.locate(r.address, 1, range, offset)) {
    if (range == Range::bar0)
      ++(r.is_read() ? counts.register_reads : counts.register_writes);
    else
      ++(r.is_read() ? counts.aperture_reads : counts.aperture_writes);
  } else if (!r.is_read() && trapped.contains(r.address >> kPageShift)) {
    ++counts.page_writes;
  } else {
    ++counts.strays;
  }
}

uint64_t XenDomain::Impl::answer(const Ioreq& r) {
  count(r);
  switch (r.type) {
    case IoType::invalidate: memory.invalidate(); return r.data;
    case IoType::config:
    case IoType::memory: return perform(r, *this);
    case IoType::port: break;
  }
  return ~uint64_t{0};
}

uint64_t XenDomain::Impl::read_at(IoType type, uint64_t address, unsigned size) {
  if (type == IoType::config) {
    const uint64_t offset = address & 0xffffffff;
    if (!handler || !ours(address) || offset + size > kConfigBytes) return all_ones(size);
    return handler->on_read(Range::config, offset, size);
  }
  Range range{};
  uint64_t offset = 0;
  if (server.locate(address, size, range, offset))
    return handler ? handler->on_read(range, offset, size) : all_ones(size);
  if (in_page(address, size)) {
    uint64_t value = 0;
    if (memory.read(Gpa{address}, {reinterpret_cast<std::byte*>(&value), size}).ok()) return value;
  }
  if (size == 1) return all_ones(1);
  // Partly in one thing and partly in another: each half by itself.
  const unsigned half = size / 2;
  const uint64_t low = read_at(type, address, half) & all_ones(half);
  const uint64_t high = read_at(type, address + half, half) & all_ones(half);
  return low | high << (8 * half);
}

void XenDomain::Impl::write_at(IoType type, uint64_t address, unsigned size, uint64_t value) {
  Range range{};
  uint64_t offset = address & 0xffffffff;
  if (type == IoType::config) {
    if (handler && ours(address) && offset + size <= kConfigBytes)
      handler->on_write(Range::config, offset, size, value);
    return;
  }
  if (server.locate(address, size, range, offset)) {
    if (handler) handler->on_write(range, offset, size, value);
    return;
  }
  if (in_page(address, size) && memory.page(Gfn{address >> kPageShift}))
    return write_ram(address, size, value);
  if (size == 1) return;
  const unsigned half = size / 2;
  write_at(type, address, half, value & all_ones(half));
  write_at(type, address + half, half, value >> (8 * half));
}

/// Xen leaves the store to us. A page released a moment ago still sends what was on its way.
void XenDomain::Impl::write_ram(uint64_t address, unsigned size, uint64_t value) {
  std::byte* page = memory.page(Gfn{address >> kPageShift});
  std::memcpy(page + (address & kPageMask), &value, size);
  if (handler && trapped.contains(address >> kPageShift))
    handler->on_page_write(Gpa{address}, size);
}

// ---- life

XenDomain::XenDomain(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
XenDomain::~XenDomain() { close(); }

XenDomain::Opened XenDomain::open(DomId domid, const XenConfig& config,
                                  std::unique_ptr<Calls> calls) {
  DomainInfo info;
  if (std::string why = unsuitable(*calls, info); !why.empty()) return refuse(domid, why);
  const auto slot = config.frames->open_slot();
  if (!slot.ok()) return refuse(domid, "no room for another guest's frames (127 guests at most)");
  auto impl = std::make_unique<Impl>(std::move(calls), config, *slot);
  impl->info = info;
  std::unique_ptr<XenDomain> domain(new XenDomain(std::move(impl)));
  Impl& i = *domain->impl_;
  if (std::string why = i.server.start(config.pci_device, config.pci_function); !why.empty())
    return refuse(domid, why);
  return domain;
}

void XenDomain::attach(TrapHandler* handler) { impl_->handler = handler; }
int XenDomain::event_fd() const { return impl_->closed ? -1 : impl_->calls->event_fd(); }

void XenDomain::dispatch(unsigned most) {
  if (impl_->busy || impl_->closed) return;
  impl_->busy = true;
  impl_->server.dispatch(most, [this](const Ioreq& r) { return impl_->answer(r); });
  impl_->busy = false;
}

void XenDomain::close() {
  Impl& i = *impl_;
  if (i.closed || i.busy) return;
  i.busy = true;
  i.server.stop([&](const Ioreq& r) { return i.answer(r); });
  i.pages.close();
  i.memory.close();
  i.trapped.clear();
  i.config.frames->close_slot(i.slot);
  i.closed = true;
  i.busy = false;
}

// ---- what the mediator does

DomId XenDomain::id() const { return impl_->info.id; }
const ExitCounts& XenDomain::counts() const { return impl_->counts; }
const DomainInfo& XenDomain::info() const { return impl_->info; }
uint64_t XenDomain::protected_pages() const { return impl_->trapped.size(); }
uint64_t XenDomain::pinned_frames() const { return impl_->memory.pinned(); }
uint64_t XenDomain::mapped_bytes() const {
  return impl_->memory.buckets() * kBucketPages * kPageSize;
}

Status XenDomain::read(Gpa from, std::span<std::byte> to) {
  if (impl_->closed) return Error::gone;
  return impl_->memory.read(from, to);
}
Status XenDomain::write(Gpa to, std::span<const std::byte> from) {
  if (impl_->closed) return Error::gone;
  return impl_->memory.write(to, from);
}
void XenDomain::pin(std::span<const Gfn> gfns, std::span<BusFrame> frames) {
  if (impl_->closed)
    std::ranges::fill(frames, kNoFrame);
  else
    impl_->memory.pin(gfns, frames);
}
void XenDomain::unpin(std::span<const Gfn> gfns) { impl_->memory.unpin(gfns); }

Status XenDomain::protect(Gfn gfn) {
  Impl& i = *impl_;
  if (i.closed) return Error::gone;
  if (i.trapped.contains(gfn.v)) return {};
  if (!i.memory.page(gfn)) return Error::bad_address;
  if (const int e = i.calls->set_type(gfn.v, 1, true)) return error_of(e);
  i.trapped.insert(gfn.v);
  return {};
}

Status XenDomain::unprotect(Gfn gfn) {
  Impl& i = *impl_;
  if (i.closed) return Error::gone;
  if (!i.trapped.erase(gfn.v)) return Error::bad_address;
  // A page the guest gave back is no longer typed, and one behind a BAR is typed for another end.
  if (i.memory.hidden(gfn)) return {};
  const int e = i.calls->set_type(gfn.v, 1, false);
  if (e == 0 || !i.memory.page(gfn)) return {};
  i.trapped.insert(gfn.v);
  return error_of(e);
}

Status XenDomain::place(Range range, Gpa base, uint64_t bytes) {
  if (impl_->closed) return Error::gone;
  if (range == Range::config || bytes == 0 || ((base.v | bytes) & kPageMask) || base.v == 0 ||
      base.v + bytes < base.v)
    return Error::bad_argument;
  const Status status = impl_->server.place(range, base.v, bytes);
  if (status.ok()) impl_->pages.move(range, base);
  return status;
}
Status XenDomain::remove(Range range) {
  if (impl_->closed) return Error::gone;
  impl_->server.remove(range);
  return {};
}

Result<std::span<std::byte>> XenDomain::register_pages(Range range, uint64_t offset,
                                                       uint64_t bytes) {
  if (impl_->closed) return Error::gone;
  return impl_->pages.add(range, offset, bytes);
}
Status XenDomain::set_direct_read(Range range, uint64_t offset, uint64_t bytes, bool direct) {
  if (impl_->closed) return Error::gone;
  return impl_->pages.set_direct(range, offset, bytes, direct && impl_->config.direct_reads);
}

Status XenDomain::inject_msi(uint64_t address, uint32_t data) {
  if (impl_->closed) return Error::gone;
  if (const int e = impl_->calls->inject_msi(address, data)) return error_of(e);
  ++impl_->counts.interrupts;
  return {};
}

Status XenDomain::add_ram(Gfn first, uint64_t pages) {
  Impl& i = *impl_;
  if (i.closed) return Error::gone;
  if (pages == 0 || pages > kBucketPages) return Error::bad_argument;
  std::vector<uint64_t> gfns;
  for (uint64_t n = 0; n < pages; ++n) {
    if (i.memory.page(Gfn{first.v + n})) return Error::busy;
    gfns.push_back(first.v + n);
  }
  DomainInfo info;
  if (const int e = i.calls->info(info)) return error_of(e);
  if (const int e = i.calls->set_max_pages(info.max_pages + pages)) return error_of(e);
  if (i.calls->populate(gfns) != gfns.size()) return Error::no_memory;
  return {};
}

}  // namespace hv::xen
