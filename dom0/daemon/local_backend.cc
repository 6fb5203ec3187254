// SPDX-License-Identifier: MIT
#include "dom0/daemon/local_backend.h"

#include <charconv>

#include "dom0/guests/painter/painter.h"
#include "dom0/guests/trap_port.h"

namespace xengvtd {
namespace {

constexpr uint64_t kMachineBytes = uint64_t{8} << 30;  // address space; committed when touched
constexpr unsigned kHighestDomain = 32751;             // DOMID_FIRST_RESERVED is 0x7ff0

class LocalGuest final : public BackendGuest {
 public:
  LocalGuest(hv::local::Machine& machine, hv::Clock& clock, const Backend::Identity& who)
      : domain_(machine, who.id, who.name, guests::painter_ram_bytes(painter(who.id))),
        port_(domain_, clock),
        who_(who.id) {}

  hv::Domain& domain() override { return domain_; }
  hv::Result<void, Problem> go_live(hv::TrapHandler& handler) override {
    domain_.attach(&handler);
    if (!port_.power_on())
      return Problem{"the local guest does not see its vGPU's BARs", "this is a fault of xengvtd"};
    actor_ = std::make_unique<guests::Painter>(port_, painter(who_));
    if (std::string why = actor_->start(); !why.empty())
      return Problem{"the local guest does not start: " + why, "use a larger vGPU type"};
    return {};
  }
  void quiesce() override { actor_.reset(); }
  [[nodiscard]] uint64_t wake_ns() const override {
    if (!actor_) return UINT64_MAX;
    return interrupts_ != domain_.counts().interrupts ? 0 : actor_->wake_ns();
  }
  bool dispatch(const std::function<bool()>&) override {
    if (!actor_) return true;
    interrupts_ = domain_.counts().interrupts;
    if (domain_.take_interrupts() > 0) actor_->on_interrupt();
    if (actor_->wake_ns() <= port_.now_ns()) actor_->on_time();
    return true;
  }
  [[nodiscard]] hv::local::TrapCounts counts() const override { return domain_.counts(); }

 private:
  static guests::PainterConfig painter(hv::DomId id) {
    guests::PainterConfig p;
    p.scene = id.v;
    p.seed = id.v;
    p.width = 640;
    p.height = 480;
    return p;
  }

  hv::local::LocalDomain domain_;
  guests::TrapPort port_;
  hv::DomId who_;
  std::unique_ptr<guests::Actor> actor_;
  uint64_t interrupts_ = 0;
};

}  // namespace

LocalBackend::LocalBackend(hv::Clock& clock)
    : clock_(clock), machine_(kMachineBytes), bus_(machine_) {}

hv::Result<Backend::Identity, Problem> LocalBackend::identify(const std::string& domain) {
  std::string_view digits = domain;
  if (digits.starts_with("local")) digits.remove_prefix(5);
  unsigned id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || end != digits.data() + digits.size() || id == 0 ||
      id > kHighestDomain)
    return Problem{"there is no domain '" + domain + "'", "local domains are 1 to 32751"};
  return Identity{hv::DomId{static_cast<uint16_t>(id)}, "local" + std::to_string(id)};
}

hv::Result<std::unique_ptr<BackendGuest>, Problem> LocalBackend::attach(const Identity& who) {
  return std::unique_ptr<BackendGuest>(std::make_unique<LocalGuest>(machine_, clock_, who));
}

}  // namespace xengvtd
