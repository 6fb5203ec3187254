// SPDX-License-Identifier: MIT
// The command streamer's walk: fetch, charge, retire.
#include "dom0/gpu/model/engine.h"

#include <algorithm>
#include <utility>

#include "dom0/gpu/model/cost_of.h"
#include "dom0/gpu/model/mi.h"

namespace gpu::model {
namespace {

using gen9::Cmd;
using From = ExecutedCommand::From;

constexpr uint32_t kWrapCount = 1u << 21, kHeadMask = kWrapCount - 1;
constexpr uint32_t kErrorInstruction = hv::bit(0), kErrorPage = hv::bit(4);

unsigned to_page_end(uint64_t address) {
  return static_cast<unsigned>(hv::kPageSize - (address & hv::kPageMask));
}

/// Commands of loops that wait for somebody to change memory.
bool only_looks(const gen9::CommandDesc& desc, uint32_t dword0) {
  constexpr uint32_t kWriteId = hv::bit(22);
  switch (desc.id) {
    case Cmd::mi_noop: return !(dword0 & kWriteId);
    case Cmd::mi_arb_check:
    case Cmd::mi_batch_buffer_start:
    case Cmd::mi_conditional_batch_buffer_end: return true;
    default: return false;
  }
}

}  // namespace

Engine::Engine(Core& core, gen9::EngineId id)
    : core_(core),
      id_(id),
      base_(gen9::info(id).mmio_base),
      mmu_(core.fabric, id),
      execlist_(core.regs, mmu_, id),
      image_(core.regs, mmu_, id),
      dwords_(64) {
  cached_desc_ = gen9::find_command(id, cached_dword_);
}

void Engine::run(uint64_t limit) {
  yield_ = false;
  while (next_ <= limit && !yield_ && !core_.stopped()) {
    core_.now = next_;
    step();
  }
}

void Engine::step() {
  switch (phase_) {
    case Phase::running: return retire();
    case Phase::moving: return finish_command();
    case Phase::waiting: return poll();
    case Phase::restoring: return finish_restore();
    case Phase::saving: return finish_save();
    case Phase::idle:
    case Phase::stopped:
    case Phase::halted: next_ = kNever;
  }
}

bool Engine::may_preempt() const { return arbitration_ && workaround_ == Workaround::none; }

void Engine::start_next() {
  if (stop_ring_) return stop();
  if (workaround_ != Workaround::none && workaround_at_.address >= workaround_end_)
    finish_workaround();
  locate();
  if (from_ == From::ring && ring_offset_ == state_.ring_tail) return ring_empty();
  if (!fetch_command()) return;  // halted
  if (execlist_.pending() && desc_->arbitration_point && may_preempt()) {
    if (!execlist_.pending_head().continues(execlist_.running())) return begin_save(true);
    lite_restore();
  }
  begin();
}

/// Where the next command lies.
void Engine::locate() {
  if (workaround_ != Workaround::none) {
    here_ = workaround_at_;
    from_ = From::indirect_context;
  } else if (state_.level != 0) {
    here_ = state_.batch[state_.level];
    from_ = state_.level == 1 ? From::batch : From::second_level;
  } else {
    ring_offset_ = state_.ring_head & kHeadMask;
    here_ = {state_.ring_start + uint64_t{ring_offset_}, true};
    from_ = From::ring;
  }
}

uint64_t Engine::dword_address(unsigned i) const {
  if (from_ != From::ring) return here_.address + uint64_t{i} * 4;
  return state_.ring_start + (uint64_t{ring_offset_} + i * 4) % ring_bytes_;
}

/// Bytes at an address of the space commands are fetched from; they must not cross a page.
const std::byte* Engine::fetch_run(uint64_t address, unsigned bytes) {
  address = here_.ggtt ? address & 0xffff'ffff : gen9::ppgtt_address(address);
  const uint64_t page = address >> hv::kPageShift;
  if (page != window_page_ || here_.ggtt != window_ggtt_ || mmu_.stamp() != window_stamp_ ||
      mmu_.observed()) {
    const bool ring = from_ == From::ring;
    const std::byte* p =
        mmu_.fetch(here_.ggtt, address, bytes, ring ? DmaPurpose::ring : DmaPurpose::batch);
    window_page_ = p ? page : kNever;
    window_ggtt_ = here_.ggtt;
    window_stamp_ = mmu_.stamp();
    window_ = p ? p - (address & hv::kPageMask) : nullptr;
    if (!p) return nullptr;
  }
  return window_ + (address & hv::kPageMask);
}

bool Engine::fetch_command() {
  const std::byte* p = fetch_run(here_.address, 4);
  if (!p) {
    halt(mmu_.take_fault() ? kErrorPage : kErrorInstruction);
    return false;
  }
  const auto dword0 = hv::load<uint32_t>(p);
  if (dword0 != cached_dword_) {
    cached_dword_ = dword0;
    cached_desc_ = gen9::find_command(id_, dword0);
  }
  desc_ = cached_desc_;
  length_ = desc_ ? gen9::command_length(*desc_, dword0) : 0;
  if (length_ == 0) {
    halt(kErrorInstruction);
    return false;
  }
  dwords_[0] = dword0;
  return length_ == 1 || fetch_rest();
}

/// The dwords behind the first, page by page (the ring also wraps).
bool Engine::fetch_rest() {
  if (from_ == From::ring) {
    const uint32_t left = (state_.ring_tail + ring_bytes_ - ring_offset_) % ring_bytes_;
    if (left < length_ * 4) {  // runs past the tail: the rest was never submitted
      halt(kErrorInstruction);
      return false;
    }
  }
  if (dwords_.size() < length_) dwords_.resize(length_);
  for (unsigned i = 1; i < length_;) {
    const uint64_t address = dword_address(i);
    unsigned bytes = std::min((length_ - i) * 4, to_page_end(address));
    if (from_ == From::ring)
      bytes = static_cast<unsigned>(
          std::min<uint64_t>(bytes, state_.ring_start + ring_bytes_ - address));
    const std::byte* p = fetch_run(address, bytes);
    if (!p) {
      halt(mmu_.take_fault() ? kErrorPage : kErrorInstruction);
      return false;
    }
    std::memcpy(&dwords_[i], p, bytes);
    i += bytes / 4;
  }
  return true;
}

uint64_t Engine::cost() {
  const CostParameters& parameters = core_.config.cost;
  spin_ns_ = 0;
  const bool in_batch = from_ == From::batch || from_ == From::second_level;
  if (parameters.fixed_batch_ns == 0 || !in_batch) {
    spin_ns_ = spins() ? loop_ns_ : 0;
    return command_ns(parameters, core_.regs, *desc_, {dwords_.data(), length_}) + spin_ns_;
  }
  const uint64_t fixed = parameters.fixed_batch_ns;
  const bool ends = desc_->id == Cmd::mi_batch_buffer_end && from_ == From::batch;
  return ends && fixed > batch_ns_ ? fixed - batch_ns_ : 1;
}

/// Once a round, in turn at the loop's first command and at its jump: who looks sees it move.
bool Engine::spins() {
  const bool first = std::exchange(round_begins_, false);
  if (loop_ns_ == 0 || execlist_.pending() || stop_ring_) return false;
  return spins_at_jump_ ? desc_->id == Cmd::mi_batch_buffer_start
                        : first && only_looks(*desc_, dwords_[0]);
}

/// A loop is known by two jumps to the same place with nothing between them but looking.
void Engine::note_jump(BatchPosition at) {
  const CostParameters& cost = core_.config.cost;
  const bool again = quiet_ && at.address == loop_at_.address && at.ggtt == loop_at_.ggtt;
  if (!again)
    loop_ns_ = 0;
  else
    loop_ns_ = loop_ns_ == 0 ? cost.spin_ns : std::min(2 * loop_ns_, cost.spin_most_ns);
  loop_at_ = at;
  quiet_ = round_begins_ = true;
  spins_at_jump_ = !spins_at_jump_;
}

void Engine::leave_loop() {
  quiet_ = false;
  loop_ns_ = 0;
}

/// Somebody wants the engine: the command under way takes its own time only.
void Engine::cut_spin() {
  if (phase_ != Phase::running) return;
  const uint64_t cut = std::min<uint64_t>(next_ - std::min(core_.now, next_), spin_ns_);
  next_ -= cut;
  state_.charged_ns -= cut;
  spin_ns_ = 0;
}

void Engine::begin() {
  phase_ = Phase::running;
  command_ns_ = cost();
  batch_ns_ += command_ns_;
  charge(command_ns_);
}

/// The context pays for what it asked for, not for the workarounds of its restore.
void Engine::charge(uint64_t ns) {
  next_ = core_.now + ns;
  if (from_ != From::indirect_context) state_.charged_ns += ns;
}

void Engine::advance_pc() {
  const uint32_t bytes = length_ * 4;
  switch (from_) {
    case From::indirect_context: workaround_at_.address += bytes; break;
    case From::batch:
    case From::second_level: state_.batch[state_.level].address += bytes; break;
    case From::ring: {
      const uint32_t to = ring_offset_ + bytes;
      const uint32_t wraps = (state_.ring_head & ~kHeadMask) + (to >= ring_bytes_ ? kWrapCount : 0);
      state_.ring_head = wraps | to % ring_bytes_;
    }
  }
}

void Engine::retire() {
  switch (execute()) {
    case Outcome::retired: return finish_command();
    case Outcome::wait: return wait();
    case Outcome::more: return;
  }
}

Outcome Engine::execute() {
  const Dwords d{dwords_.data(), length_};
  if (!only_looks(*desc_, d[0])) leave_loop();
  if (desc_->id == Cmd::mi_semaphore_wait && predicate_allows(*this, desc_->id) &&
      operand_space(*this, d[0] >> 22 & 1) && !semaphore_satisfied(*this, d))
    return Outcome::wait;
  advance_pc();
  if (desc_->id == Cmd::mi_noop && !(d[0] & hv::bit(22))) return Outcome::retired;
  if (!predicate_allows(*this, desc_->id)) return Outcome::retired;
  if (is_blit(desc_->id)) return start_blit();
  if (desc_->id == Cmd::pipe_control) {
    execute_pipe_control(*this, d);
  } else if (desc_->id == Cmd::mi_flush_dw) {
    execute_flush_dw(*this, d);
  } else if (desc_->id != Cmd::other) {
    execute_mi(*this, *desc_, d);
  }
  return Outcome::retired;
}

/// A blit happens as one piece when its base cost is over; then its data takes its time.
Outcome Engine::start_blit() {
  PpgttMemory memory(mmu_);
  blitter_.set_swctrl(reg(0x200));
  const uint64_t bytes = blitter_.execute(*desc_, {dwords_.data(), length_}, memory);
  if (core_.config.cost.fixed_batch_ns != 0 && from_ != From::ring) return Outcome::retired;
  phase_ = Phase::moving;
  charge(blit_data_ns(core_.config.cost, bytes));
  return Outcome::more;
}

void Engine::finish_command() {
  if (core_.observer) report();
  if (mmu_.take_fault()) fail(kErrorPage);
  start_next();
}

void Engine::report() {
  core_.observer->on_command({id_,
                              execlist_.running().lrca(),
                              execlist_.running().context_id(),
                              from_,
                              here_.ggtt,
                              here_.address,
                              desc_,
                              {dwords_.data(), length_}});
}

void Engine::wait() {
  phase_ = Phase::waiting;
  poll_anchor_ = core_.now;
  next_ = kNever;
  if (execlist_.pending() && preempt_wait()) return;
  if (core_.others_active(*this)) wake(core_.now + 1);
}

void Engine::poll() {
  if (stop_ring_) return stop();
  if (semaphore_satisfied(*this, {dwords_.data(), length_})) {
    advance_pc();
    return finish_command();
  }
  next_ = kNever;
  if (core_.others_active(*this)) wake(core_.now + 1);
}

void Engine::wake(uint64_t now) {
  constexpr uint32_t kPollMode = hv::bit(15);
  if (phase_ != Phase::waiting || next_ != kNever || !(dwords_[0] & kPollMode)) return;
  const uint64_t period = std::max<uint64_t>(1, core_.config.cost.semaphore_poll_ns);
  next_ = poll_anchor_ + (now - poll_anchor_ + period - 1) / period * period;
}

void Engine::signal(uint32_t context_id) {
  if (phase_ == Phase::waiting && execlist_.running().context_id() == context_id) next_ = core_.now;
}

uint64_t Engine::next_visible() {
  if (phase_ != Phase::waiting) return next_;
  core_.enter();
  DmaObserver* observer = std::exchange(core_.fabric.observer, nullptr);
  const bool satisfied = semaphore_satisfied(*this, {dwords_.data(), length_});
  core_.fabric.observer = observer;
  if (!satisfied) return kNever;
  wake(core_.now);
  return next_;
}

void Engine::stop() {
  phase_ = Phase::stopped;
  next_ = kNever;
}

/// Looks like a hang: the head stays, until a reset.
void Engine::halt(uint32_t esr_bits) {
  phase_ = Phase::halted;
  next_ = kNever;
  fail(esr_bits);
}

void Engine::fail(uint32_t esr_bits) {
  namespace rel = gen9::rel;
  set_reg(rel::kEsr, reg(rel::kEsr) | esr_bits);
  set_reg(rel::kEir, reg(rel::kEir) | (esr_bits & ~reg(rel::kEmr)));
  if (reg(rel::kEir) != 0) raise(gen9::irq::kCsError);
}

void Engine::start_batch(BatchPosition at, bool second_level) {
  if (!privileged()) at.ggtt = false;  // a non-secure batch never becomes secure
  if (workaround_ != Workaround::none) {
    workaround_at_ = at;
    workaround_end_ = kNever;
    return;
  }
  note_jump(at);
  if (state_.level == 0) {
    loop_ns_ = 0;
    state_.level = 1;
    batch_ns_ = 0;
  } else if (state_.level == 1 && second_level) {
    state_.level = 2;
  }
  state_.batch[state_.level] = at;
}

void Engine::end_batch() {
  if (workaround_ != Workaround::none) return finish_workaround();
  leave_loop();
  if (state_.level != 0) --state_.level;
  if (state_.level == 0) state_.set_predicate = 0;  // does not outlive the batch
}

}  // namespace gpu::model
