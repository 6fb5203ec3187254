// SPDX-License-Identifier: MIT
// The hv::Domain of a Xen guest: its life, and what the mediator may do to it.
#include "hv/xen/domain.h"

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "hv/xen/calls.h"
#include "hv/xen/memory.h"
#include "hv/xen/register_pages.h"
#include "hv/xen/requests.h"
#include "hv/xen/server.h"
#include "hv/xen/shown_pages.h"
#include "hv/xen/watchdog.h"

namespace hv::xen {
namespace {

/// Pages known to hold code, of one guest.
constexpr size_t kMostCode = 64;
/// More than the shadow bears of one leaf table before it stops tracking its writes.
constexpr unsigned kWritesTold = 64;

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

struct XenDomain::Impl {
  Impl(std::unique_ptr<Calls> c, const XenConfig& cfg, unsigned s)
      : calls(std::move(c)),
        config(cfg),
        slot(s),
        memory(*calls, *cfg.frames, s, cfg.machine),
        pages(*calls, memory, cfg.pages_file, [this](std::string_view line) { log(line); }),
        server(*calls),
        shown(
            *calls, memory, cfg.show, cfg.tiled,
            [this](Gfn gfn) { return trapped.reported.contains(gfn.v); },
            [this](std::string_view line) { log(line); }),
        late(pages, cfg.late_range, cfg.late_offset, cfg.late_bytes, calls->completes_by_address(),
             [this](uint64_t offset) { return may_open(offset); }),
        requests(cfg.pci_device << 3 | cfg.pci_function, server, memory, trapped, late, shown) {}

  /// Whether the guest may write a late page without being seen. If it holds GTT entries, what they
  /// say may change then.
  bool may_open(uint64_t offset) {
    constexpr uint64_t kEntries = kPageSize / 8;
    if (!may_stop_trapping(pages.frame(config.late_range, offset))) return false;
    if (config.late_entries_show)
      hide(Range::bar2, (offset - config.late_offset) / 8 << kPageShift, kEntries);
    return true;
  }
  void hide(Range range, uint64_t offset, uint64_t count) {
    const uint64_t base = server.base(range, offset, 0);
    if (base) shown.hide(Gfn{(base + offset) >> kPageShift}, count);
  }

  void log(std::string_view line) {
    if (config.log) config.log(refuse(info.id, std::string(line)));
  }
  Server::Answer answer() {
    return [this](const Ioreq& r) {
      if (!trapped.leaving.empty()) release_leaving();
      return requests.answer(r);
    };
  }
  [[nodiscard]] bool may_stop_trapping(uint64_t gfn) const {
    return calls->completes_by_address() || !server.may_complete(gfn);
  }
  int release(uint64_t gfn);
  void settle_pages();
  void release_leaving();
  void release_stopped();
  void release_code(uint64_t gfn);

  std::unique_ptr<Calls> calls;
  XenConfig config;
  unsigned slot;
  DomainInfo info;
  GuestMemory memory;
  RegisterPages pages;
  Server server;
  TrappedPages trapped;
  ShownPages shown;
  LateWrites late;
  Requests requests;
  Watchdog watchdog;
  std::unordered_set<uint64_t> code;  // pages that code ran from
  bool busy = false, closed = false, paused = false;
  bool settling = false;  // register pages are to be put into the guest
};

// ---- pages that stop trapping reads

/// While the guest stands still, so that nobody sees such a page before its contents are there. And
/// not where a vCPU has yet to complete a read: where Xen completes that in the page by then, it
/// keeps our answer (docs/XEN.md).
void XenDomain::Impl::settle_pages() {
  if (!settling) return;
  settling = pages.any_waits();
  if (!settling || calls->pause(true)) return;
  (void)server.all_completed();
  const bool safe = calls->completes_by_address() ||
                    std::ranges::none_of(server.uncompleted_reads(),
                                         [this](uint64_t gfn) { return pages.waits(gfn); });
  if (safe) pages.settle();
  settling = !safe;
  calls->pause(false);
}

// ---- pages that stop trapping

/// A page the guest gave back is no longer typed, and one behind a BAR is typed for another end.
int XenDomain::Impl::release(uint64_t gfn) {
  if (memory.hidden(Gfn{gfn})) return 0;
  const int e = calls->set_type(gfn, 1, false);
  return e && memory.page(Gfn{gfn}) ? e : 0;
}

void XenDomain::Impl::release_leaving() {
  std::erase_if(trapped.leaving,
                [this](uint64_t gfn) { return may_stop_trapping(gfn) && release(gfn) == 0; });
}

/// A vCPU that does not come with another request may be waiting for just this page, if it runs
/// code from it: stopped, it is certainly not completing anything.
void XenDomain::Impl::release_stopped() {
  if (trapped.leaving.empty() || server.outstanding() || calls->pause(true)) return;
  if (server.all_completed()) release_leaving();
  calls->pause(false);
}

/// The shadow is told of writes until it lets the page go by itself, as after any run of them; an
/// upper table, which it would never let go, is taken from it.
void XenDomain::Impl::release_code(uint64_t gfn) {
  if (code.size() >= kMostCode) code.clear();
  if (code.insert(gfn).second)
    log("code runs from a page that was a graphics page table; it is tracked no more");
  for (unsigned n = 0; n < kWritesTold && trapped.reported.contains(gfn) && requests.handler(); ++n)
    requests.handler()->on_page_write(Gpa{gfn << kPageShift}, 8);
  if (!trapped.reported.erase(gfn)) return;
  if (!may_stop_trapping(gfn) || release(gfn)) trapped.leaving.insert(gfn);
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

XenDomain::Opened XenDomain::adopt(DomId domid, const XenConfig& config, const Record& record,
                                   std::unique_ptr<Calls> calls) {
  DomainInfo info;
  if (std::string why = unsuitable(*calls, info); !why.empty()) return refuse(domid, why);
  if (info.uuid != record.uuid) return refuse(domid, "another domain has its number now");
  const auto slot = config.frames->open_slot();
  if (!slot.ok()) return refuse(domid, "no room for another guest's frames (127 guests at most)");
  auto impl = std::make_unique<Impl>(std::move(calls), config, *slot);
  impl->info = info;
  std::unique_ptr<XenDomain> domain(new XenDomain(std::move(impl)));
  Impl& i = *domain->impl_;
  if (!record.paused && i.calls->pause(true)) return domain->leave(), refuse(domid, "cannot pause");
  i.paused = true;
  i.shown.take_away_left(record);
  std::string why =
      i.server.adopt(record.server, config.pci_device, config.pci_function, record.bars);
  // Which pages were tracked is not known, so all were released at once; but no write that is under
  // way may find its page so.
  for (const uint64_t gfn : i.server.uncompleted())
    if (why.empty() && i.calls->set_type(gfn, 1, true) == 0) i.trapped.leaving.insert(gfn);
  if (why.empty() && !i.pages.adopt(record).ok()) why = "cannot map its register pages again";
  if (!why.empty()) {
    domain->resume();
    domain->leave();
    return refuse(domid, why);
  }
  return domain;
}

Record XenDomain::record() const {
  const Impl& i = *impl_;
  Record r;
  r.domain = i.info.id;
  r.uuid = i.info.uuid;
  r.server = i.server.id();
  r.paused = i.paused;
  for (const Range range : {Range::bar0, Range::bar2}) {
    Record::Bar& bar = r.bars[static_cast<unsigned>(range)];
    std::tie(bar.base, bar.bytes) = i.server.placed(range);
  }
  i.pages.describe(r);
  i.shown.describe(r);
  return r;
}

uint64_t XenDomain::changes() const {
  return impl_->pages.changes() + impl_->server.changes() + impl_->shown.changes();
}
std::span<std::byte> XenDomain::left(Range range, uint64_t offset) {
  return impl_->pages.left(range, offset);
}

void XenDomain::hold() {
  Impl& i = *impl_;
  if (!i.closed && !i.paused) i.paused = i.calls->pause(true) == 0;
}
void XenDomain::resume() {
  if (impl_->paused) impl_->calls->pause(false);
  impl_->paused = false;
}

void XenDomain::leave() {
  Impl& i = *impl_;
  if (i.closed || i.busy) return;
  i.shown.hide_all();
  i.server.leave();
  i.pages.leave();
  i.memory.close();
  i.trapped = {};
  i.config.frames->close_slot(i.slot);
  i.closed = true;
}

void XenDomain::attach(TrapHandler* handler) { impl_->requests.attach(handler); }
int XenDomain::event_fd() const { return impl_->closed ? -1 : impl_->calls->event_fd(); }

void XenDomain::dispatch(unsigned most, const std::function<bool()>& enough) {
  if (impl_->busy || impl_->closed) return;
  impl_->busy = true;
  impl_->release_stopped();
  impl_->settle_pages();
  impl_->server.dispatch(most, impl_->answer(), enough);
  impl_->busy = false;
}

bool XenDomain::asks() const { return !impl_->closed && impl_->server.asks(); }
bool XenDomain::waiting() const { return !impl_->trapped.leaving.empty() || impl_->settling; }

void XenDomain::watch(uint64_t now_ns) {
  Impl& i = *impl_;
  DomainInfo info;
  if (i.closed || i.busy || i.trapped.reported.empty() || i.calls->info(info)) return;
  if (!i.watchdog.suspicious(info.cpu_ns, i.requests.counts().exits(), now_ns)) return;
  for (unsigned vcpu = 0; vcpu <= info.max_vcpu; ++vcpu) {
    uint64_t gfn = 0;
    if (i.calls->running_at(vcpu, gfn) == 0 && i.trapped.reported.contains(gfn))
      i.release_code(gfn);
  }
}

void XenDomain::close() {
  Impl& i = *impl_;
  if (i.closed || i.busy) return;
  i.busy = true;
  resume();
  i.server.stop(i.answer());
  i.shown.hide_all();
  i.pages.close();
  i.memory.close();
  i.trapped = {};
  i.config.frames->close_slot(i.slot);
  i.closed = true;
  i.busy = false;
}

// ---- what the mediator does

DomId XenDomain::id() const { return impl_->info.id; }
const ExitCounts& XenDomain::counts() const { return impl_->requests.counts(); }
const DomainInfo& XenDomain::info() const { return impl_->info; }
uint64_t XenDomain::protected_pages() const { return impl_->trapped.reported.size(); }
uint64_t XenDomain::pinned_frames() const { return impl_->memory.pinned(); }
uint64_t XenDomain::shown_pages() const { return impl_->shown.pages(); }
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
  if (i.trapped.reported.contains(gfn.v)) return {};
  if (i.code.contains(gfn.v)) return Error::busy;
  if (!i.memory.page(gfn)) return Error::bad_address;
  i.shown.hide_page(gfn);
  const bool was_leaving = i.trapped.leaving.erase(gfn.v);
  const int e = i.calls->set_type(gfn.v, 1, true);
  if (e && !(was_leaving && e == EINVAL)) return error_of(e);  // that one has its type still
  i.trapped.reported.insert(gfn.v);
  return {};
}

Status XenDomain::unprotect(Gfn gfn) {
  Impl& i = *impl_;
  if (i.closed) return Error::gone;
  if (!i.trapped.reported.erase(gfn.v)) return Error::bad_address;
  if (!i.may_stop_trapping(gfn.v)) {
    i.trapped.leaving.insert(gfn.v);
    return {};
  }
  const int e = i.release(gfn.v);
  if (e == 0) return {};
  i.trapped.reported.insert(gfn.v);
  return error_of(e);
}

Status XenDomain::place(Range range, Gpa base, uint64_t bytes) {
  if (impl_->closed) return Error::gone;
  impl_->late.shut();
  if (range == Range::config || bytes == 0 || ((base.v | bytes) & kPageMask) || base.v == 0 ||
      base.v + bytes < base.v)
    return Error::bad_argument;
  if (range == Range::bar2) impl_->shown.hide_all();
  const Status status = impl_->server.place(range, base.v, bytes);
  if (status.ok()) impl_->pages.move(range, base);
  return status;
}
Status XenDomain::remove(Range range) {
  if (impl_->closed) return Error::gone;
  impl_->late.shut();
  if (range == Range::bar2) impl_->shown.hide_all();
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
  impl_->late.shut();
  const Status set =
      impl_->pages.set_direct(range, offset, bytes, direct && impl_->config.direct_reads);
  impl_->settling |= direct;
  impl_->settle_pages();
  return set;
}

void XenDomain::allow_direct_reads(bool on) {
  if (impl_->closed) return;
  impl_->late.shut();
  impl_->pages.allow_direct(on);
  impl_->settling |= on;
  impl_->settle_pages();
}

Status XenDomain::inject_msi(uint64_t address, uint32_t data) {
  if (impl_->closed) return Error::gone;
  if (const int e = impl_->calls->inject_msi(address, data)) return error_of(e);
  ++impl_->requests.counts().interrupts;
  return {};
}

Result<uint64_t> XenDomain::show_ram(Range range, uint64_t offset, std::span<const Gfn> gfns) {
  if (impl_->closed) return Error::gone;
  if (range != Range::bar2 || (offset & kPageMask)) return Error::bad_argument;
  const uint64_t base = impl_->server.base(range, offset, gfns.size());
  if (!base) return uint64_t{0};
  const auto shown = impl_->shown.show(Gfn{(base + offset) >> kPageShift}, gfns);
  if (!shown.ok()) return shown.error();
  return uint64_t{*shown};
}
Status XenDomain::show_tiled(Range range, uint64_t offset, std::span<const Gfn> gfns,
                             uint64_t fence) {
  if (impl_->closed) return Error::gone;
  if (range != Range::bar2 || (offset & kPageMask)) return Error::bad_argument;
  const uint64_t base = impl_->server.base(range, offset, gfns.size());
  if (!base) return Error::bad_address;
  return impl_->shown.show_tiled(Gfn{(base + offset) >> kPageShift}, gfns, fence);
}
void XenDomain::hide_ram(Range range, uint64_t offset, uint64_t pages) {
  if (!impl_->closed) impl_->hide(range, offset, pages);
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
