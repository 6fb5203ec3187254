// SPDX-License-Identifier: MIT
#include "mediator/trace/session.h"

#include <algorithm>

#include "mediator/trace/kinds.h"

namespace mediator::trace {

using hv::trace::Journal;

/// What stands before one vGPU while recording.
struct Session::Guest final : hv::TrapHandler {
  Guest(hv::Domain& domain, Session& session, uint32_t subject, bool keep_pages)
      : domain_(&domain, session.journal_, subject, domain.id(), keep_pages),
        session_(session),
        journal_(session.journal_),
        subject_(subject) {}

  uint64_t on_read(hv::Range range, uint64_t offset, unsigned size) override {
    announce();
    journal_.input(Kind::trap_read, subject_, {static_cast<uint64_t>(range), offset, size});
    const uint64_t value = core_->on_read(range, offset, size);
    journal_.result(Kind::value, subject_, {value});
    return value;
  }
  void on_write(hv::Range range, uint64_t offset, unsigned size, uint64_t value) override {
    announce();
    journal_.input(Kind::trap_write, subject_, {static_cast<uint64_t>(range), offset, size, value});
    core_->on_write(range, offset, size, value);
  }
  void on_page_write(hv::Gpa address, unsigned size) override {
    announce();
    journal_.input(Kind::page_write, subject_, {address.v, size});
    core_->on_page_write(address, size);
  }

  void announce() {
    if (session_.before_access_ && journal_.recording()) session_.before_access_(subject_);
  }

  hv::trace::TracedDomain domain_;
  Session& session_;
  Journal& journal_;
  const uint32_t subject_;
  std::optional<hv::VgpuId> id_;  ///< nullopt before and after its life
  hv::TrapHandler* core_ = nullptr;
};

Session::Session(HostGpu& gpu, hv::Clock& clock, const MediatorConfig& config,
                 hv::trace::RecordSink* sink, bool guest_memory, Start start)
    : sink_(sink),
      journal_(sink ? Journal(*sink) : Journal()),
      gpu_(&gpu, journal_),
      clock_(&clock, journal_),
      guest_memory_(guest_memory) {
  if (!sink) {
    mediator_ = std::make_unique<Mediator>(gpu, clock, config);
    return;
  }
  const GpuInfo info = gpu.gpu_info();
  sink->describe(info.device_id, info.revision);
  record_config(config);
  if (start == Start::later) journal_.stop();
  mediator_ = std::make_unique<Mediator>(gpu_, clock_, config);
}

Session::~Session() = default;

void Session::record_config(const MediatorConfig& c) {
  journal_.input(kind::session, 0,
                 {c.slice_ns, c.hang_ns, c.scan_all, c.keep_originals, c.max_vgpus,
                  c.refusals_to_failsafe, c.status_interval_ns, c.clock_refresh_ns, c.open_leaves});
}

Session::Guest* Session::find(hv::VgpuId id) {
  const auto g = std::ranges::find_if(guests_, [&](const auto& p) { return p->id_ == id; });
  return g == guests_.end() ? nullptr : g->get();
}

uint32_t Session::subject(hv::VgpuId id) {
  const Guest* g = find(id);
  return g ? g->subject_ : 0;
}

hv::Result<hv::VgpuId> Session::create_vgpu(hv::Domain& domain, const VgpuConfig& c,
                                            bool guest_memory) {
  if (!sink_) return mediator_->create_vgpu(domain, c);
  const uint32_t number = ++guests_made_;
  journal_.input(kind::create, number,
                 {domain.id().v, c.device_id, c.revision, c.windows.low_base, c.windows.low_bytes,
                  c.windows.high_base, c.windows.high_bytes, c.aperture_bytes, c.fences, c.width,
                  c.height, c.huge_pages, c.weight},
                 std::as_bytes(std::span{c.name}));
  Guest& g = *guests_.emplace_back(
      std::make_unique<Guest>(domain, *this, number, guest_memory || guest_memory_));
  const auto id = mediator_->create_vgpu(g.domain_, c);
  journal_.result(kind::created, number,
                  {id.ok() ? 0 : Journal::encode_error(id.error()), id.ok() ? id->v : 0u});
  if (id.ok()) {
    g.id_ = *id;
    g.core_ = mediator_->traps(*id);
  }
  return id;
}

void Session::destroy_vgpu(hv::VgpuId id) {
  journal_.input(kind::destroy, subject(id), {});
  mediator_->destroy_vgpu(id);
  if (Guest* g = find(id)) {
    pages_changed_ += g->domain_.pins_changed() + 1;
    g->id_.reset();
  }
}

hv::TrapHandler* Session::traps(hv::VgpuId id) {
  Guest* g = find(id);
  return g ? static_cast<hv::TrapHandler*>(g) : mediator_->traps(id);
}

hv::Status Session::resume(hv::VgpuId id, std::span<const std::byte> registers,
                           FailsafeReason failsafe) {
  if (journal_.recording()) return hv::Error::not_supported;
  mediator_->resume(id, registers, failsafe);
  return {};
}

void Session::pause(hv::VgpuId id, bool paused) {
  journal_.input(kind::pause, subject(id), {paused, false});
  mediator_->pause(id, paused);
}

void Session::dismiss(hv::VgpuId id) {
  journal_.input(kind::pause, subject(id), {true, true});
  mediator_->dismiss(id);
}

const char* Session::set_gpu_shares(const GpuShares& g) {
  journal_.input(kind::gpu_shares, subject(g.holder),
                 {static_cast<uint64_t>(g.policy), g.slice_ns, g.window_ns, g.holder.v});
  return mediator_->set_gpu_shares(g);
}

const char* Session::set_share(hv::VgpuId id, const Share& s) {
  journal_.input(kind::share, subject(id),
                 {s.weight, s.cap, s.fixed, static_cast<uint64_t>(s.latency), s.slice_ns});
  return mediator_->set_share(id, s);
}

void Session::set_starved(hv::VgpuId id, bool starved) {
  journal_.input(kind::starved, subject(id), {starved});
  mediator_->set_starved(id, starved);
}

void Session::poll() {
  journal_.input(kind::poll, 0, {});
  mediator_->poll();
}

hv::Result<Screen> Session::read_screen(hv::VgpuId id) {
  const Journal::Pause unrecorded(journal_);
  return mediator_->read_screen(id);
}

void Session::listen(bool on) {
  if (on)
    journal_.start();
  else
    journal_.stop();
}

std::optional<Session::GuestPage> Session::page_of(hv::BusFrame frame) const {
  for (const auto& g : guests_)
    if (const auto gfn = g->id_ ? g->domain_.gfn_of(frame) : std::nullopt)
      return GuestPage{g->subject_, *gfn};
  return std::nullopt;
}

uint64_t Session::pages_changed() const {
  uint64_t n = pages_changed_;
  for (const auto& g : guests_)
    if (g->id_) n += g->domain_.pins_changed();
  return n;
}

void Session::note(Kind k, uint32_t subject, Journal::Args args, std::span<const std::byte> blob) {
  journal_.note(k, subject, args, blob);
}

hv::Status Session::finish() {
  if (!journal_.recording()) return {};
  journal_.stop();
  return sink_->finish(state_hash(*mediator_));
}

hv::trace::Sha256 state_hash(const Mediator& mediator) {
  std::vector<std::byte> state;
  mediator.encode(state);
  return hv::trace::sha256(state);
}

}  // namespace mediator::trace
