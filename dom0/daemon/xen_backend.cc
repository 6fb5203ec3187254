// SPDX-License-Identifier: MIT
#include "dom0/daemon/xen_backend.h"

extern "C" {
#include <xenstore.h>
}

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "dom0/daemon/keep.h"
#include "dom0/daemon/misfits.h"
#include "dom0/daemon/pci_unit.h"
#include "dom0/daemon/xen_guest.h"
#include "hv/xen/calls.h"
#include "hv/xen/machine_frames.h"
#include "hv/xen/watch.h"
#include "shadow/gen9/regs.h"

namespace xengvtd {
namespace {

using hv::xen::DomainEvent;
using hv::xen::DomainInfo;
using hv::xen::XenDomain;

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

class XenCpu final : public CpuPort {
 public:
  explicit XenCpu(hv::xen::Control& control) : control_(control) {}
  bool look(hv::DomId domain, bool closely, CpuView& view) override {
    DomainInfo d;
    if (control_.info(domain, d) != 0) return false;
    view.uuid = d.uuid;
    view.paused = d.paused;
    view.shut_down = d.shut_down;
    view.dying = d.dying;
    if (closely) look_closely(d, view);
    return true;
  }
  std::string set_weight(hv::DomId domain, uint32_t weight) override {
    DomainInfo d;
    int error = control_.info(domain, d);
    if (error == 0) error = control_.set_cpu_weight(d, weight);
    return error == 0 ? "" : hv::xen::errno_text(error);
  }

 private:
  void look_closely(const DomainInfo& d, CpuView& view) {
    hv::xen::CpuWeight w;
    if (control_.cpu_weight(d, w) == 0) view.share = CpuShare{w.weight, w.cap};
    for (unsigned n = 0; n <= d.max_vcpu && n < kMostVcpus; ++n) {
      hv::xen::VcpuInfo v;
      if (control_.vcpu(d.id, n, v) != 0) v = {};
      view.vcpus.push_back({v.online, v.blocked, v.running, v.cpu_ns});
    }
  }
  static constexpr unsigned kMostVcpus = 512;
  hv::xen::Control& control_;
};

class XenBackend final : public Backend {
 public:
  XenBackend(std::unique_ptr<hv::xen::Control> control, std::unique_ptr<hv::xen::DomainWatch> watch,
             std::unique_ptr<Names> names, const std::string& folder, hv::Clock& clock, Log& log)
      : control_(std::move(control)),
        watch_(std::move(watch)),
        names_(std::move(names)),
        folder_(folder),
        clock_(clock),
        log_(log),
        bus_(frames_),
        cpu_(*control_) {
    auto machine = hv::xen::MachineFrames::open();
    if (machine.ok())
      machine_ = std::move(*machine);
    else
      log_.add(LogLevel::warning, "", "guests' apertures trap, which is slow: " + machine.error());
  }

  [[nodiscard]] std::string name() const override { return "xen"; }
  [[nodiscard]] bool releases_at_once() const override { return hv::xen::releases_at_once(); }
  CpuPort* cpu() override { return &cpu_; }
  gpu::model::DmaBus& bus() override { return bus_; }
  hv::Result<std::unique_ptr<GpuUnit>, Problem> make_gpu(const Config& config, WallClock& clock,
                                                         std::function<void()> interrupt) override;
  hv::Result<Identity, Problem> identify(const std::string& domain) override;
  hv::Result<std::unique_ptr<BackendGuest>, Problem> attach(const Identity& who) override;
  [[nodiscard]] uint64_t wake_ns() const override { return misfits_.wake_ns(); }
  void tick(uint64_t now_ns) override;
  bool is_there(const hv::xen::Record& record) override;
  hv::Result<std::unique_ptr<BackendGuest>, Problem> adopt(const Identity& who,
                                                           const hv::xen::Record& record) override;
  [[nodiscard]] int event_fd() const override { return watch_->fd(); }
  std::vector<hv::DomId> gone(const std::vector<hv::DomId>& of) override;

 private:
  hv::xen::XenConfig domain_config(const Identity& who, int pages);
  PciUnit* unit_ = nullptr;                    ///< a GPU of silicon
  hv::xen::MachineFrames* silicon_ = nullptr;  ///< its
  std::unique_ptr<hv::xen::Control> control_;
  std::unique_ptr<hv::xen::DomainWatch> watch_;
  std::unique_ptr<Names> names_;
  KeepFolder folder_;
  Misfits misfits_{"/var/lib/xen"};
  hv::Clock& clock_;
  Log& log_;
  hv::xen::FrameSpace frames_;
  std::unique_ptr<hv::xen::MachineFrames> machine_;
  FrameBus bus_;
  XenCpu cpu_;
};

hv::Result<std::unique_ptr<GpuUnit>, Problem> XenBackend::make_gpu(
    const Config& config, WallClock& clock, std::function<void()> interrupt) {
  if (config.gpu == "model") return Backend::make_gpu(config, clock, std::move(interrupt));
  auto gpu = gpu::pci::XenGpu::open({}, config.gpu == "pci" ? "" : config.gpu);
  if (!gpu.ok()) return Problem{gpu.error().cause, gpu.error().cure};
  if (const auto s = (*gpu)->let_go(); !s.ok()) return Problem{s.error().cause, s.error().cure};
  silicon_ = &(*gpu)->machine();
  (*gpu)->clock().set(clock.now_ns());
  auto unit = std::make_unique<PciUnit>(std::move(*gpu));
  unit_ = unit.get();
  return std::unique_ptr<GpuUnit>(std::move(unit));
}

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
  Fd pages = folder_.pages(who.id, true);
  auto domain = XenDomain::open(who.id, domain_config(who, pages.get()));
  if (!domain.ok()) {
    folder_.forget(who.id);
    return Problem{domain.error(), "see docs/xl.md, 'When it does not work'"};
  }
  return std::unique_ptr<BackendGuest>(
      std::make_unique<XenGuest>(std::move(*domain), clock_, std::move(pages)));
}

void XenBackend::tick(uint64_t now_ns) {
  for (const Misfits::Misfit& m : misfits_.due(now_ns))
    log_.add(LogLevel::error, names_->of(m.domain), m.problem.cause + "; " + m.problem.cure);
}

bool XenBackend::is_there(const hv::xen::Record& record) {
  DomainInfo info;
  return control_->info(record.domain, info) == 0 && info.uuid == record.uuid && !info.dying;
}

hv::Result<std::unique_ptr<BackendGuest>, Problem> XenBackend::adopt(
    const Identity& who, const hv::xen::Record& record) {
  Fd pages = folder_.pages(who.id, false);
  auto domain = XenDomain::adopt(who.id, domain_config(who, pages.get()), record);
  if (!domain.ok()) return Problem{domain.error(), "xl destroy " + who.name};
  return std::unique_ptr<BackendGuest>(
      std::make_unique<XenGuest>(std::move(*domain), clock_, std::move(pages)));
}

hv::xen::XenConfig XenBackend::domain_config(const Identity& who, int pages) {
  hv::xen::XenConfig config;
  config.frames = &frames_;
  config.pages_file = pages;
  config.machine = silicon_;
  // i915 on Xen clears its whole GGTT while it probes: a run of entries is one exit, not one each.
  config.late_offset = gen9::kGttOffset;
  config.late_bytes = gen9::kGttBytes;
  config.late_entries_show = true;
  config.show = machine_.get();
  config.tiled = unit_ ? unit_->tiled() : nullptr;
  config.log = [this, guest = who.name](std::string_view line) {
    log_.add(LogLevel::warning, guest, std::string(line));
  };
  return config;
}

std::vector<hv::DomId> XenBackend::gone(const std::vector<hv::DomId>& of) {
  std::vector<hv::DomId> dead;
  for (const DomainEvent& e : watch_->events()) {
    if (e.kind == DomainEvent::Kind::born) misfits_.born(e.info, clock_.now_ns());
    if (e.kind == DomainEvent::Kind::gone) misfits_.gone(e.info.id);
    const bool ended = e.kind == DomainEvent::Kind::dying || e.kind == DomainEvent::Kind::gone;
    if (ended && std::find(of.begin(), of.end(), e.info.id) != of.end()) dead.push_back(e.info.id);
  }
  return dead;
}

}  // namespace

hv::Result<std::unique_ptr<Backend>, std::string> make_xen_backend(const std::string& folder,
                                                                   hv::Clock& clock, Log& log) {
  auto control = hv::xen::Control::open();
  if (!control.ok()) return control.error() + "; see xengvt check";
  auto watch = hv::xen::DomainWatch::open();
  if (!watch.ok()) return watch.error() + "; see xengvt check";
  auto names = std::make_unique<Names>();
  if (!names->ok()) return std::string("xenstore does not answer; systemctl start xen");
  return std::unique_ptr<Backend>(std::make_unique<XenBackend>(
      std::move(*control), std::move(*watch), std::move(names), folder, clock, log));
}

}  // namespace xengvtd
