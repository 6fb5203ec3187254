// SPDX-License-Identifier: MIT
// The baseline's event loop.
#include "dom0/embedded/native.h"

#include <algorithm>

namespace embedded {
namespace {
// An interrupt that the guest leaves standing must not stop time.
constexpr uint64_t kStandingInterruptNs = 1000;
// The longest the GPU works before keep_going is asked again.
constexpr uint64_t kMaxStepNs = 5'000'000;
}  // namespace

NativeHost::NativeHost(const gpu::model::Config& config, uint64_t ram_bytes)
    : memory_(ram_bytes), model_(memory_, config), port_(model_, memory_) {}

std::string NativeHost::boot(std::unique_ptr<guests::Actor> actor) {
  actor_ = std::move(actor);
  return actor_->start();
}

bool NativeHost::run(uint64_t until, const std::function<bool()>& keep_going) {
  for (;;) {
    const bool interrupted = port_.take_interrupts() > 0;
    if (interrupted) actor_->on_interrupt();
    if (actor_->wake_ns() <= model_.now_ns() || actor_->polls()) actor_->on_time();
    if (actor_->finished()) return true;
    const uint64_t before = model_.now_ns();
    if (before >= until || (keep_going && !keep_going())) return false;
    const uint64_t next =
        std::clamp(actor_->wake_ns(), before + 1, std::min(until, before + kMaxStepNs));
    // A poller wants to look after every change, not only at interrupts.
    const uint64_t change = std::clamp(model_.next_event_ns(), before + 1, next);
    if (actor_->polls()) {
      model_.advance_to(change);
    } else if (model_.advance_until_interrupt(next) == before) {
      model_.advance_to(std::min(next, before + kStandingInterruptNs));
    }
  }
}

uint64_t NativeHost::gpu_ns() const {
  uint64_t ns = 0;
  for (const gen9::EngineId e : gen9::kAllEngines) ns += model_.busy_ns(e);
  return ns;
}

}  // namespace embedded
