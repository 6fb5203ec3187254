// SPDX-License-Identifier: MIT
#include "dom0/daemon/xen_backend.h"

extern "C" {
#include <xenstore.h>
}

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "hv/xen/domain.h"
#include "hv/xen/frames.h"
#include "hv/xen/watch.h"
#include "shadow/gen9/regs.h"

namespace xengvtd {
namespace {

using hv::xen::DomainEvent;
using hv::xen::DomainInfo;
using hv::xen::XenDomain;

class FrameBus final : public gpu::model::DmaBus {
 public:
  explicit FrameBus(hv::xen::FrameSpace& frames) : frames_(frames) {}
  std::byte* page(hv::BusFrame frame) override { return frames_.page(frame); }
  hv::Result<gpu::DmaPage> alloc() override {
    const auto frame = frames_.alloc_host();
    if (!frame.ok()) return frame.error();
    return gpu::DmaPage{*frame, frames_.page(*frame)};
  }
  void free(hv::BusFrame frame) override { frames_.free_host(frame); }

 private:
  hv::xen::FrameSpace& frames_;
};

class XenGuest final : public BackendGuest {
 public:
  XenGuest(std::unique_ptr<XenDomain> domain, hv::Clock& clock)
      : domain_(std::move(domain)), clock_(clock) {}
  hv::Domain& domain() override { return *domain_; }
  hv::Result<void, Problem> go_live(hv::TrapHandler& handler) override {
    domain_->attach(&handler);
    return {};
  }
  void quiesce() override { domain_->attach(nullptr); }
  [[nodiscard]] int event_fd() const override { return domain_->event_fd(); }
  [[nodiscard]] uint64_t wake_ns() const override {
    return domain_->waiting() ? looked_ns_ + kLookAgainNs : UINT64_MAX;
  }
  bool dispatch() override {
    domain_->dispatch();
    if (domain_->waiting()) looked_ns_ = clock_.now_ns();
    return true;
  }
  bool allow_direct_reads(bool on) override {
    domain_->allow_direct_reads(on);
    return true;
  }
  [[nodiscard]] hv::local::TrapCounts counts() const override {
    const hv::xen::ExitCounts& x = domain_->counts();
    hv::local::TrapCounts t;
    t.config_reads = x.config_reads;
    t.config_writes = x.config_writes;
    t.register_reads = x.register_reads;
    t.register_writes = x.register_writes;
    t.aperture_reads = x.aperture_reads;
    t.aperture_writes = x.aperture_writes;
    t.page_writes = x.page_writes;
    t.interrupts = x.interrupts;
    return t;
  }

 private:
  static constexpr uint64_t kLookAgainNs = 2'000'000;
  std::unique_ptr<XenDomain> domain_;
  hv::Clock& clock_;
  uint64_t looked_ns_ = 0;
};

/// Names of domains, from xenstore.
class Names {
 public:
  Names() : store_(xs_open(0)) {}
  ~Names() {
    if (store_) xs_close(store_);
  }
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;
  [[nodiscard]] bool ok() const { return store_ != nullptr; }
  /// "domainN" where xenstore knows none.
  [[nodiscard]] std::string of(hv::DomId id) const {
    const std::string path = "/local/domain/" + std::to_string(id.v) + "/name";
    unsigned length = 0;
    void* value = xs_read(store_, XBT_NULL, path.c_str(), &length);
    std::string name = value ? std::string(static_cast<char*>(value), length) : "";
    std::free(value);
    return name.empty() ? "domain" + std::to_string(id.v) : name;
  }

 private:
  xs_handle* store_;
};

class XenBackend final : public Backend {
 public:
  XenBackend(std::unique_ptr<hv::xen::Control> control, std::unique_ptr<hv::xen::DomainWatch> watch,
             std::unique_ptr<Names> names, hv::Clock& clock, Log& log)
      : control_(std::move(control)),
        watch_(std::move(watch)),
        names_(std::move(names)),
        clock_(clock),
        log_(log),
        bus_(frames_) {}

  [[nodiscard]] std::string name() const override { return "xen"; }
  gpu::model::DmaBus& bus() override { return bus_; }
  hv::Result<Identity, Problem> identify(const std::string& domain) override;
  hv::Result<std::unique_ptr<BackendGuest>, Problem> attach(const Identity& who) override;
  [[nodiscard]] int event_fd() const override { return watch_->fd(); }
  std::vector<hv::DomId> gone(const std::vector<hv::DomId>& of) override;

 private:
  std::unique_ptr<hv::xen::Control> control_;
  std::unique_ptr<hv::xen::DomainWatch> watch_;
  std::unique_ptr<Names> names_;
  hv::Clock& clock_;
  Log& log_;
  hv::xen::FrameSpace frames_;
  FrameBus bus_;
};

Problem unknown_domain(const std::string& domain) {
  return {"there is no domain '" + domain + "'", "xl list shows those that there are"};
}

hv::Result<Backend::Identity, Problem> XenBackend::identify(const std::string& domain) {
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(domain.data(), domain.data() + domain.size(), number);
  if (error == std::errc() && end == domain.data() + domain.size()) {
    DomainInfo info;
    if (number == 0 || control_->info(hv::DomId{number}, info) != 0) return unknown_domain(domain);
    return Identity{info.id, names_->of(info.id)};
  }
  std::vector<DomainInfo> all;
  if (control_->list(all) != 0) return unknown_domain(domain);
  for (const DomainInfo& d : all)
    if (names_->of(d.id) == domain) return Identity{d.id, domain};
  return unknown_domain(domain);
}

hv::Result<std::unique_ptr<BackendGuest>, Problem> XenBackend::attach(const Identity& who) {
  DomainInfo info;
  if (control_->info(who.id, info) != 0) return unknown_domain(who.name);
  if (info.cpu_ns != 0)
    return Problem{"domain " + who.name + " runs already, and a GPU cannot appear under it",
                   "start it with device_model_override=\"/usr/libexec/xengvt/xengvt-dm\", or "
                   "create it paused (xl create -p)"};
  hv::xen::XenConfig config;
  config.frames = &frames_;
  // i915 on Xen clears its whole GGTT while it probes: a run of entries is one exit, not one each.
  config.late_offset = gen9::kGttOffset;
  config.late_bytes = gen9::kGttBytes;
  config.log = [this, guest = who.name](std::string_view line) {
    log_.add(LogLevel::warning, guest, std::string(line));
  };
  auto domain = XenDomain::open(who.id, config);
  if (!domain.ok()) return Problem{domain.error(), "see docs/xl.md, 'When it does not work'"};
  return std::unique_ptr<BackendGuest>(std::make_unique<XenGuest>(std::move(*domain), clock_));
}

std::vector<hv::DomId> XenBackend::gone(const std::vector<hv::DomId>& of) {
  std::vector<hv::DomId> dead;
  for (const DomainEvent& e : watch_->events()) {
    const bool ended = e.kind == DomainEvent::Kind::dying || e.kind == DomainEvent::Kind::gone;
    if (ended && std::find(of.begin(), of.end(), e.info.id) != of.end()) dead.push_back(e.info.id);
  }
  return dead;
}

}  // namespace

hv::Result<std::unique_ptr<Backend>, std::string> make_xen_backend(hv::Clock& clock, Log& log) {
  auto control = hv::xen::Control::open();
  if (!control.ok()) return control.error() + "; see xengvt check";
  auto watch = hv::xen::DomainWatch::open();
  if (!watch.ok()) return watch.error() + "; see xengvt check";
  auto names = std::make_unique<Names>();
  if (!names->ok()) return std::string("xenstore does not answer; systemctl start xen");
  return std::unique_ptr<Backend>(std::make_unique<XenBackend>(
      std::move(*control), std::move(*watch), std::move(names), clock, log));
}

}  // namespace xengvtd
