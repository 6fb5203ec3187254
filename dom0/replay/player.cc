// SPDX-License-Identifier: MIT
#include "dom0/replay/player.h"

#include <algorithm>
#include <cstdio>

#include "shadow/gen9/regs.h"

namespace replay {
namespace {

constexpr uint64_t kMaxWaitNs = 200'000'000;  // for one step of progress
// A replay that went another way than the recording waits for nothing much longer.
constexpr uint64_t kManyLate = 16, kShortWaitNs = 1'000'000;
constexpr uint64_t kLookNs = 20'000;      // how often progress is looked at
constexpr unsigned kMaxBurst = 64;        // accesses before others have their turn
constexpr uint32_t kQueueFull = 1u << 2;  // EXECLIST_STATUS, SKL PRM vol 2c

uint64_t missing(uint64_t wanted, uint64_t have) { return wanted > have ? wanted - have : 0; }

}  // namespace

Player::Player(const Script& script, Stage stage, Pace pace)
    : script_(script),
      stage_(std::move(stage)),
      pace_(pace),
      written_(stage_.writes.watch(stage_.domain.id())),
      wake_ns_(stage_.clock.now_ns()) {}

bool Player::reached(const Progress& wanted) {
  if (stage_.completed() + excused_.completed < wanted.completed) return false;
  for (unsigned e = 0; e < gen9::kEngines; ++e)
    if (written_.written[e] + excused_.written[e] < wanted.written[e]) return false;
  return true;
}

/// A context whose tail moves while it runs completes once or twice, as it happens; but once there
/// is no work left, the guest sees no more than it sees now.
bool Player::wait_for(const Progress& wanted, const Action* next) {
  const uint64_t now = stage_.clock.now_ns();
  const bool ready = reached(wanted) || stage_.idle();
  if (ready && (!next || port_free(*next))) {
    waiting_since_ns_ = 0;
    return true;
  }
  if (waiting_since_ns_ == 0) waiting_since_ns_ = now;
  if (now - waiting_since_ns_ < (late_ < kManyLate ? kMaxWaitNs : kShortWaitNs)) {
    wake_ns_ = now + kLookNs;
    return false;
  }
  ++late_;
  excused_.completed = missing(wanted.completed, stage_.completed());
  for (unsigned e = 0; e < gen9::kEngines; ++e)
    excused_.written[e] = missing(wanted.written[e], written_.written[e]);
  waiting_since_ns_ = 0;
  return true;
}

/// A driver never overruns the two lists that an engine takes.
bool Player::port_free(const Action& a) {
  if (a.kind != Action::Kind::write || a.range != hv::Range::bar0) return true;
  for (const gen9::EngineId e : gen9::kAllEngines) {
    if (a.offset != gen9::engine_reg(e, gen9::rel::kElsp)) continue;
    const uint32_t status = gen9::engine_reg(e, gen9::rel::kExeclistStatusLo);
    return (stage_.traps.on_read(hv::Range::bar0, status, 4) & kQueueFull) == 0;
  }
  return true;
}

void Player::count(const Action& a) {
  const bool write = a.kind == Action::Kind::write;
  if (a.kind == Action::Kind::page_write) {
    ++counts_.page_writes;
  } else if (a.range == hv::Range::config) {
    ++(write ? counts_.config_writes : counts_.config_reads);
  } else if (a.range == hv::Range::bar0) {
    ++(write ? counts_.register_writes : counts_.register_reads);
  } else {
    ++(write ? counts_.aperture_writes : counts_.aperture_reads);
  }
}

void Player::deliver(const Action& a) {
  // What lies beyond the guest's memory stays unwritten, as it was unreadable.
  for (const Patch& p : a.patches) (void)stage_.domain.write(p.at, p.bytes);
  count(a);
  switch (a.kind) {
    case Action::Kind::read: (void)stage_.traps.on_read(a.range, a.offset, a.size); return;
    case Action::Kind::write: stage_.traps.on_write(a.range, a.offset, a.size, a.value); return;
    case Action::Kind::page_write: stage_.traps.on_page_write(hv::Gpa{a.offset}, a.size); return;
  }
}

void Player::on_time() {
  for (unsigned n = 0; n < kMaxBurst && !finished_; ++n) {
    const uint64_t now = stage_.clock.now_ns();
    if (now < wake_ns_ && waiting_since_ns_ == 0) return;
    const Action* a = next_ < script_.actions.size() ? &script_.actions[next_] : nullptr;
    if (!wait_for(a ? a->before : script_.end, a)) return;
    if (!a) {
      finished_ = true;
      return;
    }
    deliver(*a);
    ++next_;
    if (next_ == script_.actions.size()) continue;
    const auto gap = static_cast<double>(script_.actions[next_].at_ns - a->at_ns) * pace_.scale;
    const bool shorter = gap < static_cast<double>(pace_.longest_ns);
    wake_ns_ = now + (shorter ? static_cast<uint64_t>(gap) : pace_.longest_ns);
  }
}

Outcome Player::outcome() {
  stage_.writes.settle();
  Outcome o;
  o.delivered = next_;
  o.late = late_;
  const PageSums sums = written_.pages.sums();
  for (const auto& [gfn, recorded] : script_.written) {
    ++o.pages;
    const auto live = sums.find(gfn);
    if (live != sums.end() && live->second == recorded) {
      ++o.pages_equal;
    } else if (o.difference.empty()) {
      char text[120];
      std::snprintf(text, sizeof text,
                    "page %#llx: other bytes written (%llu) than recorded (%llu)",
                    static_cast<unsigned long long>(gfn.v),
                    static_cast<unsigned long long>(live == sums.end() ? 0 : live->second.bytes),
                    static_cast<unsigned long long>(recorded.bytes));
      o.difference = text;
    }
  }
  return o;
}

}  // namespace replay
