// SPDX-License-Identifier: MIT
// Life of an ioreq server, and the handshake of a request.
#include "hv/xen/server.h"

#include <algorithm>
#include <atomic>

namespace hv::xen {
namespace {

/// How long a stopping server waits for vCPUs to take their answers: those of a paused domain
/// never do, and need not, because they were told already.
constexpr unsigned kDrainSteps = 50, kDrainStepUs = 200;

constexpr uint64_t kNowhere = ~uint64_t{0};

IoState state_of(Ioreq& slot, std::memory_order order) {
  return IoState(std::atomic_ref(slot.flags).load(order) & 0xf);
}
uint64_t frame_of(const Ioreq& r) {
  return r.type == IoType::memory ? r.address >> kPageShift : kNowhere;
}
uint64_t written(const Ioreq& r) { return r.is_read() ? kNowhere : frame_of(r); }
uint64_t read(const Ioreq& r) { return r.is_read() ? frame_of(r) : kNowhere; }
void set_state(Ioreq& slot, IoState state, std::memory_order order) {
  const auto flags = static_cast<uint8_t>((slot.flags & 0xf0) | static_cast<uint8_t>(state));
  std::atomic_ref(slot.flags).store(flags, order);
}

}  // namespace

std::string Server::start(unsigned pci_device, unsigned pci_function) {
  std::string failed = build(pci_device, pci_function);
  if (!failed.empty()) stop([](const Ioreq&) { return ~uint64_t{0}; });
  return failed;
}

std::string Server::build(unsigned pci_device, unsigned pci_function) {
  device_ = pci_device;
  function_ = pci_function;
  if (const int e = calls_.create_server(id_))
    return "cannot create an ioreq server (8 at most in a domain): " + errno_text(e);
  created_ = true;
  if (const int e = calls_.map_requests(id_, slots_)) {
    slots_ = nullptr;
    return "cannot map its request page: " + errno_text(e);
  }
  if (const int e = calls_.claim_pci(id_, device_, function_, true))
    return "cannot claim its PCI function (does another device model hold it?): " + errno_text(e);
  if (const int e = calls_.claim_writes(id_, true))
    return "cannot trap writes to its pages (needs hardware assisted paging, and no other "
           "emulator that claims them): " +
           errno_text(e);
  if (const int e = calls_.enable(id_, true)) return "cannot start: " + errno_text(e);
  return bind();
}

/// Only an enabled server has its remote ports.
std::string Server::bind() {
  unsigned vcpus = 0;
  if (const int e = calls_.vcpus(vcpus)) return "cannot count its vCPUs: " + errno_text(e);
  for (unsigned v = 0; v < vcpus; ++v) {
    uint32_t local = 0;
    if (const int e = calls_.bind(slots_[v].port, local))
      return "cannot bind the event channel of a vCPU: " + errno_text(e);
    ports_.push_back(local);
    const bool busy = state_of(slots_[v], std::memory_order_acquire) != IoState::none;
    last_.push_back(busy ? Last{written(slots_[v]), read(slots_[v])} : Last{kNowhere, kNowhere});
  }
  running_ = true;
  return {};
}

std::string Server::adopt(uint16_t id, unsigned pci_device, unsigned pci_function,
                          const std::array<Record::Bar, kRanges>& claimed) {
  id_ = id;
  device_ = pci_device;
  function_ = pci_function;
  std::string failed = take(claimed);
  if (!failed.empty()) return leave(), failed;
  created_ = true;
  for (unsigned v = 0; v < ports_.size(); ++v) revive(v);
  return {};
}

std::string Server::take(const std::array<Record::Bar, kRanges>& claimed) {
  if (const int e = calls_.map_requests(id_, slots_)) {
    slots_ = nullptr;
    return "cannot map the request page of its ioreq server: " + errno_text(e);
  }
  // Which of these still stand is not known: the last process may have ended between two calls.
  for (const Record::Bar& b : claimed)
    if (b.bytes) calls_.claim_mmio(id_, b.base, b.base + b.bytes - 1, false);
  calls_.claim_pci(id_, device_, function_, true);
  calls_.claim_writes(id_, false);
  if (const int e = calls_.claim_writes(id_, true))
    return "cannot trap writes to its pages again: " + errno_text(e);
  if (const int e = calls_.enable(id_, true)) return "cannot start: " + errno_text(e);
  return bind();
}

/// What the last process had begun is done again; what it had answered is told again.
void Server::revive(unsigned vcpu) {
  Ioreq& slot = slots_[vcpu];
  const IoState state = state_of(slot, std::memory_order_acquire);
  if (state == IoState::in_process) set_state(slot, IoState::ready, std::memory_order_release);
  if (state == IoState::answered) calls_.notify(ports_[vcpu]);
}

void Server::leave() {
  for (const uint32_t port : ports_) calls_.unbind(port);
  ports_.clear();
  last_.clear();
  if (slots_) calls_.unmap_requests();
  slots_ = nullptr;
  created_ = running_ = false;
  placed_ = {};
}

void Server::dispatch(unsigned most, const Answer& answer, const std::function<bool()>& enough) {
  uint32_t port = 0;
  for (unsigned n = 0; n < most && running_ && calls_.next_event(port) == 0; ++n) {
    calls_.unmask(port);
    const auto it = std::ranges::find(ports_, port);
    if (it != ports_.end()) serve(static_cast<unsigned>(it - ports_.begin()), answer);
    if (enough && enough()) return;
  }
}

void Server::serve(unsigned vcpu, const Answer& answer) {
  Ioreq& slot = slots_[vcpu];
  if (state_of(slot, std::memory_order_acquire) != IoState::ready) return;
  set_state(slot, IoState::in_process, std::memory_order_relaxed);
  const Ioreq copy = slot;
  last_[vcpu] = {written(copy), read(copy)};
  slot.data = answer(copy);
  set_state(slot, IoState::answered, std::memory_order_release);
  calls_.notify(ports_[vcpu]);
}

bool Server::may_complete(uint64_t gfn) const {
  return std::ranges::find(last_, gfn, &Last::written) != last_.end();
}

std::vector<uint64_t> Server::uncompleted() const {
  std::vector<uint64_t> frames;
  for (const Last& l : last_)
    if (l.written != kNowhere) frames.push_back(l.written);
  return frames;
}

std::vector<uint64_t> Server::uncompleted_reads() const {
  std::vector<uint64_t> frames;
  for (const Last& l : last_)
    if (l.read != kNowhere) frames.push_back(l.read);
  return frames;
}

bool Server::all_completed() {
  for (unsigned v = 0; v < ports_.size(); ++v)
    if (state_of(slots_[v], std::memory_order_acquire) == IoState::none)
      last_[v] = {kNowhere, kNowhere};
  return !outstanding();
}

bool Server::asks() const {
  for (unsigned v = 0; v < ports_.size(); ++v)
    if (state_of(slots_[v], std::memory_order_acquire) == IoState::ready) return true;
  return false;
}

bool Server::outstanding() const {
  for (unsigned v = 0; v < ports_.size(); ++v)
    if (state_of(slots_[v], std::memory_order_acquire) != IoState::none) return true;
  return false;
}

void Server::drain(const Answer& answer) {
  for (unsigned step = 0; step < kDrainSteps; ++step) {
    for (unsigned v = 0; v < ports_.size(); ++v) serve(v, answer);
    if (!outstanding()) return;
    calls_.sleep_us(kDrainStepUs);
  }
}

void Server::stop(const Answer& answer) {
  if (!created_) return;
  if (slots_) {
    calls_.claim_pci(id_, device_, function_, false);
    for (Placed& p : placed_) claim(p, false);
    drain(answer);
    calls_.claim_writes(id_, false);
    calls_.enable(id_, false);  // from here on nothing new is sent to us
    drain(answer);
    for (const uint32_t port : ports_) calls_.unbind(port);
    ports_.clear();
    last_.clear();
    calls_.unmap_requests();
    slots_ = nullptr;
  }
  calls_.destroy_server(id_);
  created_ = running_ = false;
  placed_ = {};
}

int Server::claim(Placed& p, bool on) {
  if (p.bytes == 0 || p.claimed == on) return 0;
  const int e = calls_.claim_mmio(id_, p.base, p.base + p.bytes - 1, on);
  if (e == 0 || !on) p.claimed = on;
  return e;
}

Status Server::place(Range range, uint64_t base, uint64_t bytes) {
  Placed& p = placed_[static_cast<unsigned>(range)];
  if (p.claimed && p.base == base && p.bytes == bytes) return {};
  claim(p, false);
  p = {base, bytes, false};
  ++changes_;
  const int e = claim(p, true);
  claim_waiting();
  if (e) return error_of(e);
  return {};
}

void Server::remove(Range range) {
  Placed& p = placed_[static_cast<unsigned>(range)];
  claim(p, false);
  p = {};
  ++changes_;
  claim_waiting();
}

void Server::claim_waiting() {
  for (Placed& p : placed_) claim(p, true);
}

uint64_t Server::base(Range range, uint64_t offset, uint64_t pages) const {
  const Placed& p = placed_[static_cast<unsigned>(range)];
  if (!p.claimed || offset > p.bytes || pages > (p.bytes - offset) >> kPageShift) return 0;
  return p.base;
}

bool Server::locate(uint64_t address, unsigned size, Range& range, uint64_t& offset) const {
  for (const Range r : {Range::bar0, Range::bar2}) {
    const Placed& p = placed_[static_cast<unsigned>(r)];
    if (!p.claimed || address - p.base >= p.bytes || p.bytes - (address - p.base) < size) continue;
    range = r;
    offset = address - p.base;
    return true;
  }
  return false;
}

}  // namespace hv::xen
