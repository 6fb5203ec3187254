// SPDX-License-Identifier: MIT
#include "mediator/clock_page.h"

#include "shadow/gen9/engine.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace {

constexpr uint32_t kClock = gen9::engine_reg(gen9::EngineId::rcs, gen9::rel::kTimestamp);
constexpr uint64_t kPage = hv::align_down(kClock, hv::kPageSize);
static_assert(kClock % 8 == 0 && gen9::rel::kTimestampUdw == gen9::rel::kTimestamp + 4);

}  // namespace

void ClockPage::submitted(uint64_t now_ns, uint64_t ticks) {
  used_ns_ = now_ns;
  if (!shown_ && now_ns < trapped_until_ns_) return;
  refresh(ticks);  // before it is shown: what is read then is not older than what trapped last
  if (!shown_) shown_ = domain_.set_direct_read(hv::Range::bar0, kPage, hv::kPageSize, true).ok();
}

/// Both halves at once: a reader takes the upper half before and after the lower one.
void ClockPage::refresh(uint64_t ticks) { regs_.set64(kClock, ticks); }

uint64_t ClockPage::next_deadline_ns() const { return shown_ ? used_ns_ + kIdleNs : UINT64_MAX; }

void ClockPage::run_timer(uint64_t now_ns) {
  if (now_ns < next_deadline_ns()) return;
  shown_ = false;
  (void)domain_.set_direct_read(hv::Range::bar0, kPage, hv::kPageSize, false);
}

}  // namespace mediator
