// SPDX-License-Identifier: MIT
// ELSP and CSB by i915 6.1's rules for Gen9 (facts 1.7 and 5.2; SKL PRM vol 7, Execlists).
#include "dom0/guests/driver/execlists.h"

#include <algorithm>
#include <iterator>

#include "dom0/guests/driver/interrupts.h"
#include "shadow/gen9/regs.h"

namespace guests {
namespace {

namespace rel = gen9::rel;
// Gen9 keeps a copy of the status buffer in the status page.
constexpr unsigned kCsbDword = 0x10, kCsbWriteDword = 0x1f;
constexpr uint32_t kCsbResetIndex = gen9::kCsbEntries - 1;
constexpr uint32_t kCsbPtrReset = 0xffffu << 16 | kCsbResetIndex << 8 | kCsbResetIndex;
constexpr unsigned kResetTries = 700;

bool finished(uint32_t completed, uint32_t seqno) {
  return static_cast<int32_t>(completed - seqno) >= 0;
}

}  // namespace

void Execlists::reset_csb() {
  for (int i = 0; i < 2; ++i) {
    port_.write32(reg(rel::kCsbPtr), kCsbPtrReset);
    (void)port_.read32(reg(rel::kCsbPtr));
  }
  port_.ram_store(status_.at(4 * kCsbWriteDword), 4, kCsbResetIndex);
  for (unsigned i = 0; i < 2 * gen9::kCsbEntries; ++i)
    port_.ram_store(status_.at(4 * (kCsbDword + i)), 4, ~uint32_t{0});
  csb_head_ = kCsbResetIndex;
}

void Execlists::enable() {
  reset_csb();
  port_.write32(reg(rel::kHwstam), ~uint32_t{0});
  port_.write32(reg(rel::kRingMode), hv::masked_enable(gen9::kModeRunListEnable));
  port_.write32(reg(rel::kMiMode), hv::masked_disable(gen9::kMiModeStopRing));
  port_.write32(reg(rel::kHwsPga), static_cast<uint32_t>(status_.address));
  (void)port_.read32(reg(rel::kHwsPga));
  port_.write32(reg(rel::kEmr), ~uint32_t{0});
  port_.write32(reg(rel::kEir), ~uint32_t{0});
  (void)port_.read32(reg(rel::kEsr));
  port_.write32(reg(rel::kEmr), ~hv::bit(0));
  enable_ring_interrupts(port_, engine_);
}

void Execlists::queue(const Request& request) {
  queue_.push_back(request);
  process_csb();  // i915 looks for what was taken and done before each submission
}

bool Execlists::idle() const {
  return queue_.empty() && !active_[0].context && !pending_[0].context;
}

void Execlists::process_csb() {
  const uint32_t tail = port_.ram_load<uint32_t>(status_.at(4 * kCsbWriteDword)) & 7;
  if (tail >= gen9::kCsbEntries) {
    counts_.csb_errors += tail != csb_head_;
    return;
  }
  while (csb_head_ != tail) {
    csb_head_ = (csb_head_ + 1) % gen9::kCsbEntries;
    on_event(port_.ram_load<uint32_t>(status_.at(4 * (kCsbDword + 2 * csb_head_))));
  }
  dequeue();
}

void Execlists::on_event(uint32_t status) {
  ++counts_.csb_events;
  if (status & (gen9::csb::kIdleToActive | gen9::csb::kPreempted)) {
    if (!pending_[0].context) ++counts_.csb_errors;
    active_ = std::exchange(pending_, {});
    return;
  }
  // Anything else: the head element is complete.
  if (!active_[0].context || !finished(active_[0].context->completed(), active_[0].seqno))
    ++counts_.csb_errors;
  active_ = {active_[1], Port{}};
}

void Execlists::fill(Ports& ports) {
  size_t n = 0;
  Port* last = nullptr;
  for (const Port& p : active_) {
    if (!p.context || finished(p.context->completed(), p.seqno)) continue;
    ports[n] = {p.context, p.seqno, p.wa_tail, p.wa_tail};
    last = &ports[n++];
    break;
  }
  while (!queue_.empty()) {
    const Request& r = queue_.front();
    if (!last || last->context != r.context) {
      if (n == ports.size()) break;
      // A context must not stand in both ports.
      if (n == 1 && ports[0].context == r.context) break;
      last = &ports[n++];
    }
    *last = {r.context, r.seqno, r.tail, r.wa_tail};
    inflight_.push_back(r);
    queue_.pop_front();
  }
}

void Execlists::dequeue() {
  if (pending_[0].context || active_[1].context || queue_.empty()) return;
  Ports ports{};
  fill(ports);
  if (!ports[0].context) return;
  counts_.lite_restores += active_[0].context && active_[0].context == ports[0].context;
  pending_ = ports;
  write_ports(ports);
}

void Execlists::write_ports(const Ports& ports) {
  ++counts_.submissions;
  std::array<uint64_t, 2> descriptors{};
  for (size_t i = 0; i < ports.size(); ++i)
    if (ports[i].context) descriptors[i] = ports[i].context->set_tail(ports[i].tail);
  for (size_t i = ports.size(); i-- > 0;) {
    port_.write32(reg(rel::kElsp), static_cast<uint32_t>(descriptors[i] >> 32));
    port_.write32(reg(rel::kElsp), static_cast<uint32_t>(descriptors[i]));
  }
}

std::vector<Request> Execlists::retire() {
  std::vector<Request> done;
  const auto is_done = [](const Request& r) { return finished(r.context->completed(), r.seqno); };
  std::copy_if(inflight_.begin(), inflight_.end(), std::back_inserter(done), is_done);
  std::erase_if(inflight_, is_done);
  counts_.completed += done.size();
  return done;
}

void Execlists::reset_hardware() {
  port_.write32(reg(rel::kResetCtl), hv::masked_enable(gen9::kResetRequest));
  for (unsigned i = 0; i < kResetTries; ++i)
    if (port_.read32(reg(rel::kResetCtl)) & gen9::kResetReady) break;
  const uint32_t bit = gen9::info(engine_).reset_bit;
  port_.write32(gen9::kGdrst, bit);
  for (unsigned i = 0; i < kResetTries; ++i)
    if (!(port_.read32(gen9::kGdrst) & bit)) break;
  port_.write32(reg(rel::kResetCtl), hv::masked_disable(gen9::kResetRequest));
}

void Execlists::reset() {
  process_csb();
  reset_hardware();
  Context* guilty = active_[0].context ? active_[0].context : pending_[0].context;
  active_ = pending_ = {};
  if (guilty) guilty->cancel_all();
  std::erase_if(queue_, [&](const Request& r) { return r.context == guilty; });
  std::vector<Request> again;
  for (const Request& r : inflight_)
    if (r.context != guilty) again.push_back(r);
  queue_.insert(queue_.begin(), again.begin(), again.end());
  std::erase_if(inflight_, [&](const Request& r) { return r.context != guilty; });
  enable();
  dequeue();
}

}  // namespace guests
