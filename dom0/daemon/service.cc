// SPDX-License-Identifier: MIT
// Attaching and detaching, and everything an owner asks; service_loop.cc has the event loop.
#include "dom0/daemon/service.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <sstream>

#include "dom0/daemon/service_guest.h"

namespace xengvtd {
namespace {

void signal_eventfd(int fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(fd, &one, sizeof one);  // full means it is signalled
}

Problem no_gpu(const Backend::Identity& who) {
  return {"domain " + who.name + " has no vGPU", "xengvt list shows those that have one"};
}

}  // namespace

Service::Service(const Config& config, Backend& backend, WallClock& clock, Log& log)
    : config_(config),
      backend_(backend),
      clock_(clock),
      log_(log),
      folder_(config.guests),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      interrupt_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      recordings_(
          config_, backend.bus(),
          [this](gpu::model::DmaObserver* o) {
            if (gpu_) gpu_->set_dma_observer(o);
          },
          log) {}

Service::~Service() {
  if (!gpu_) return;
  gpu_->stop();
  stop_shares();
  while (!guests_.empty())
    remove(guests_.begin()->first, guests_.begin()->second->left ? "" : "xengvtd ends", true);
  end_guests(true);
  if (const auto done = recordings_.stop_whole(); !done.ok()) log_.error(done.error().cause);
  recordings_.follow(nullptr);
  session_.reset();
}

std::string Service::start() {
  if (!epoll_ || !timer_ || !interrupt_) return "no file descriptors left";
  watch(timer_.get());
  watch(interrupt_.get());
  if (backend_.event_fd() >= 0) watch(backend_.event_fd());
  auto made = backend_.make_gpu(config_, clock_, [this] { signal_eventfd(interrupt_.get()); });
  if (!made.ok()) return made.error().cause + "; " + made.error().cure;
  gpu_ = std::move(*made);
  if (gpu_->event_fd() >= 0) watch(gpu_->event_fd());
  driver_ = std::make_unique<gpu::Driver>(gpu_->device(), gpu_->driver_config());
  if (const auto s = driver_->start(); !s.ok())
    return std::string("the GPU does not come up: ") + hv::error_name(s.error());
  start_shares();
  make_session(mediator::trace::Session::Start::later);
  gpu_->start(*driver_);
  take_over_all();
  if (config_.trace.empty()) return {};
  if (!guests_.empty()) {
    log_.warning("nothing is recorded: a trace begins before the first guest");
    return {};
  }
  const auto begun = trace_start(config_.trace, config_.trace_open);
  return begun.ok() ? "" : begun.error().cause;
}

mediator::MediatorConfig Service::mediator_config() const {
  constexpr uint32_t kOpenLeaves = 8;
  mediator::MediatorConfig m;
  m.slice_ns = config_.slice_ms * 1'000'000;
  m.hang_ns = config_.hang_ms * 1'000'000;
  m.status_interval_ns = config_.status_us * 1000;
  m.clock_refresh_ns = config_.clock_us * 1000;
  m.open_leaves = backend_.releases_at_once() ? 0 : kOpenLeaves;
  return m;
}

hv::Result<VgpuType, Problem> Service::choose_type(
    const std::string& name, const std::map<std::string, std::string>& options) {
  std::string known;
  for (const VgpuType& t : config_.types) known += (known.empty() ? "" : ", ") + t.name;
  const VgpuType* type = config_.find_type(name);
  if (!type) return Problem{"there is no vGPU type '" + name + "'", "choose one of: " + known};
  if (options.empty()) return *type;
  // The config file's own rules say what a type can be.
  std::ostringstream ini;
  ini << "[type " << type->name << "]\nlow-mib=" << type->low_mib << "\nhigh-mib=" << type->high_mib
      << "\nfences=" << type->fences << "\nweight=" << type->weight
      << "\nmaximum=" << type->maximum;
  if (!options.contains("resolution")) ini << "\nresolution=" << type->width << 'x' << type->height;
  for (const auto& [key, value] : options) {
    if (key != "resolution" || value.find('\n') != std::string::npos)
      return Problem{"'" + key + "' is not an option of a vGPU",
                     "there are: resolution=WIDTHxHEIGHT; the rest is set by its type"};
    ini << '\n' << key << '=' << value;
  }
  std::istringstream in(ini.str());
  auto changed = parse_config(in);
  if (!changed.ok()) return Problem{"bad vGPU option: " + changed.error(), "correct the option"};
  changed->types.front().shares = type->shares;
  return changed->types.front();
}

void Service::note_refusal(const std::string& domain, const Problem& why) {
  const auto who = backend_.identify(domain);
  log_.add(LogLevel::error, who.ok() ? who->name : domain, why.cause + "; " + why.cure);
}

hv::Result<hv::DomId, Problem> Service::attach(const std::string& domain, const std::string& type,
                                               const std::map<std::string, std::string>& options) {
  const auto who = backend_.identify(domain);
  if (!who.ok()) return note_refusal(domain, who.error()), who.error();
  const auto chosen = choose_type(type, options);
  if (!chosen.ok()) return note_refusal(who->name, chosen.error()), chosen.error();
  const GpuUnit::Entry entry(*gpu_);
  auto done = admit(*who, *chosen);
  if (done.ok()) {
    log_.add(LogLevel::info, who->name, "vGPU attached, type " + type);
  } else {
    log_.add(LogLevel::error, who->name, done.error().cause + "; " + done.error().cure);
  }
  arm_timer();
  return done;
}

hv::Result<hv::DomId, Problem> Service::admit(const Backend::Identity& who, const VgpuType& type) {
  if (guests_.contains(who.id))
    return Problem{"domain " + who.name + " has a vGPU already", "detach it first"};
  if (std::ranges::any_of(ending_, [&](auto& g) { return g->backend->domain().id() == who.id; }))
    return Problem{"what domain " + who.name + " left of its last vGPU is still being taken apart",
                   "try again in a few seconds"};
  const auto used = std::count_if(guests_.begin(), guests_.end(),
                                  [&](auto& g) { return g.second->type.name == type.name; });
  if (static_cast<uint32_t>(used) >= type.maximum)
    return Problem{
        "all " + std::to_string(type.maximum) + " vGPUs of type " + type.name + " are in use",
        "stop a guest, or raise 'maximum' in [type " + type.name +
            "] of xengvtd.conf and restart xengvtd"};
  if (const auto fits = share_fits(type); !fits.ok()) return fits.error();
  if (const auto fits = heartbeats_fit(); !fits.ok()) return fits.error();
  auto opened = backend_.attach(who);
  if (!opened.ok()) return opened.error();
  auto g = std::make_unique<Guest>();
  g->type = type;
  g->name = who.name;
  g->since_ns = clock_.now_ns();
  g->backend = std::move(*opened);
  init_shares(*g);
  g->subject = session_->next_subject();
  const bool recorded = recordings_.begin(who.name, who.id);
  auto id = session_->create_vgpu(g->backend->domain(), wanted(*g), recorded);
  if (!id.ok()) {
    recordings_.end(g->subject);
    return Problem{
        std::string("the mediator has no room for the vGPU: ") + hv::error_name(id.error()),
        "use a smaller type, or stop a guest"};
  }
  g->vgpu = *id;
  Guest& guest = *guests_.emplace(who.id, std::move(g)).first->second;
  if (const auto live = guest.backend->go_live(*session_->traps(*id)); !live.ok()) {
    Problem problem = live.error();
    remove(who.id, "");
    return problem;
  }
  if (guest.backend->event_fd() >= 0) watch(guest.backend->event_fd());
  begin_shares(who.id, guest);
  warn_of_heartbeats(who.name);  // its own slice may be longer than others'
  keep(guest);
  if (session_->mediator().gpu_shares() != configured_shares()) keep_gpu();
  return who.id;
}

mediator::VgpuConfig Service::wanted(const Guest& g) const {
  mediator::VgpuConfig v = vgpu_config(g.type, config_, g.name);
  v.device_id = driver_->gpu_info().device_id;
  return v;
}

void Service::remove(hv::DomId domid, const std::string& why, bool at_once) {
  auto node = guests_.extract(domid);
  if (!node) return;
  Guest& g = *ending_.emplace_back(std::move(node.mapped()));
  if (const int fd = g.backend->event_fd(); fd >= 0)
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  if (cpu_) cpu_->remove(domid);
  if (!g.left) {
    g.backend->quiesce();
    folder_.forget(domid);
    if (!at_once) session_->dismiss(g.vgpu);
  }
  if (!why.empty()) log_.add(LogLevel::info, g.name, "vGPU detached: " + why);
  end_guests(at_once);
}

/// Others are served between the steps of a large one's end.
void Service::end_guests(bool at_once) {
  std::erase_if(ending_, [&](const std::unique_ptr<Guest>& g) {
    if (!at_once && !session_->mediator().tidy(g->vgpu)) {
      (void)g->backend->dispatch(
          {});  // nobody is there any more, and a vCPU must not wait for that
      return false;
    }
    session_->destroy_vgpu(g->vgpu);
    // Its frames go back to Xen now: a GPU that did not forget them must not reach memory any more.
    if (driver_->wedged() && !isolated_) give_up_gpu();
    recordings_.end(g->subject);
    return true;
  });
}

hv::Result<Service::Guest*, Problem> Service::find(const std::string& domain) {
  // A dying domain may have lost its name already: ours is asked first.
  for (auto& [id, g] : guests_)
    if (g->name == domain || std::to_string(id.v) == domain) return g.get();
  const auto who = backend_.identify(domain);
  if (!who.ok()) return who.error();
  const auto it = guests_.find(who->id);
  if (it == guests_.end()) return no_gpu(*who);
  return it->second.get();
}

Service::Done Service::detach(const std::string& domain) {
  const GpuUnit::Entry entry(*gpu_);
  const auto g = find(domain);
  if (!g.ok()) return g.error();
  remove((*g)->backend->domain().id(), "on request");
  return {};
}

Service::Done Service::pause(const std::string& domain, bool paused) {
  const GpuUnit::Entry entry(*gpu_);
  const auto g = find(domain);
  if (!g.ok()) return g.error();
  (*g)->paused = paused;
  apply_pause(**g);
  keep(**g);
  arm_timer();
  return {};
}

Service::Done Service::direct_reads(const std::string& domain, bool on) {
  const GpuUnit::Entry entry(*gpu_);
  const auto g = find(domain);
  if (!g.ok()) return g.error();
  if (!(*g)->backend->allow_direct_reads(on))
    return Problem{"the " + backend_.name() + " back end cannot change how registers are read",
                   "leave it as it is"};
  (*g)->direct_reads = on;
  return {};
}

hv::Result<mediator::Screen, Problem> Service::screenshot(const std::string& domain) {
  const GpuUnit::Entry entry(*gpu_);
  const auto g = find(domain);
  if (!g.ok()) return g.error();
  auto screen = session_->read_screen((*g)->vgpu);
  if (!screen.ok())
    return Problem{"the guest shows nothing (its display is off)",
                   "wait until its driver has set a mode"};
  return std::move(*screen);
}

GuestReport Service::report(Guest& g) {
  return {g.backend->domain().id(),
          g.type,
          g.paused,
          g.direct_reads,
          g.since_ns,
          session_->mediator().stats(g.vgpu),
          g.backend->counts(),
          g.shares,
          g.cpu,
          g.gives_up,
          cpu_ != nullptr && cpu_->boosted(g.backend->domain().id())};
}

std::vector<GuestReport> Service::guests() {
  const GpuUnit::Entry entry(*gpu_);
  std::vector<GuestReport> all;
  for (auto& [id, g] : guests_) all.push_back(report(*g));
  return all;
}

hv::Result<GuestReport, Problem> Service::guest(const std::string& domain) {
  const GpuUnit::Entry entry(*gpu_);
  const auto g = find(domain);
  if (!g.ok()) return g.error();
  return report(**g);
}

HostReport Service::host() {
  const GpuUnit::Entry entry(*gpu_);
  HostReport h;
  h.backend = backend_.name();
  h.now_ns = clock_.now_ns();
  const GpuUnit::Figures f = gpu_->figures();
  h.gpu = gpu_->name();
  h.gpu_ns = f.busy_ns;
  h.lag_ns = f.lag_ns;
  h.longest_step_ns = f.longest_step_ns;
  h.bar_accesses = f.bar_accesses;
  h.ggtt_writes = f.ggtt_writes;
  h.tiled = f.tiled;
  h.asked = driver_->counts();
  h.trace = recordings_.whole_path();
  for (const auto& [id, g] : guests_) ++h.in_use[g->type.name];
  h.shares = session_->mediator().gpu_shares();
  for (const auto& [id, g] : guests_)
    if (g->vgpu == h.shares.holder) h.holder = g->name;
  return h;
}

}  // namespace xengvtd
