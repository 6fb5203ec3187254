// SPDX-License-Identifier: MIT
// Batches of an AUB file, submitted by the embedded driver with contexts of its own.
#include "dom0/guests/aub/stream_guest.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace guests {
namespace {

constexpr uint64_t kDriverBytes = uint64_t{4} << 20;
constexpr uint32_t kNotify = gen9::kPvInfo + 0x818, kPdp0 = gen9::kPvInfo + 0x838;
constexpr uint32_t kCreateL4 = 4;

uint64_t driver_base(const AubScript& script) {
  return hv::align_up(script.ram_bytes(), uint64_t{2} << 20);
}

}  // namespace

uint64_t stream_ram_bytes(const AubScript& script) { return driver_base(script) + kDriverBytes; }

StreamGuest::StreamGuest(GuestPort& port, const AubScript& script, const StreamConfig& config)
    : port_(port), script_(script), config_(config), driver_(port, [&] {
        DriverConfig d = config.driver;
        d.first_frame = driver_base(script) >> hv::kPageShift;
        d.frames = kDriverBytes >> hv::kPageShift;
        return d;
      }()) {}

std::string StreamGuest::start() {
  if (script_.batches().empty()) return "the file submits no batch";
  std::string why = driver_.start();
  if (!why.empty()) state_ = State::finished;
  return why;
}

Context* StreamGuest::context_for(const AubBatch& batch) {
  for (const Space& s : contexts_)
    if (s.engine == batch.engine && s.pml4 == batch.pml4) return s.context;
  if (port_.virtual_gpu()) {
    port_.write32(kPdp0, static_cast<uint32_t>(batch.pml4));
    port_.write32(kPdp0 + 4, static_cast<uint32_t>(batch.pml4 >> 32));
    port_.write32(kNotify, kCreateL4);
  }
  Context* c = driver_.create_context(batch.engine, hv::Gpa{batch.pml4});
  if (c) contexts_.push_back({batch.engine, batch.pml4, c});
  return c;
}

// After the first round most of what the file writes is there already; an application would not
// write its page tables again.
void StreamGuest::write_changed(uint64_t address, std::span<const std::byte> data) {
  std::array<std::byte, hv::kPageSize> now;
  for (size_t done = 0; done < data.size();) {
    const size_t n = std::min(data.size() - done, now.size());
    const auto part = data.subspan(done, n);
    const hv::Gpa at{address + done};
    const bool same = round_ > 0 && port_.ram_read(at, std::span(now).first(n)) &&
                      std::memcmp(now.data(), part.data(), n) == 0;
    if (!same) (void)port_.ram_write(at, part);
    done += n;
  }
}

void StreamGuest::play_until(size_t step) {
  for (; next_step_ < step; ++next_step_) {
    const AubStep& s = script_.steps()[next_step_];
    if (s.kind == AubStep::Kind::physical) write_changed(s.address, script_.data(s));
  }
}

bool StreamGuest::submit_next() {
  const AubBatch& b = script_.batches()[next_batch_];
  play_until(b.step);
  waiting_ = context_for(b);
  if (!waiting_) return false;
  const auto seqno = driver_.submit(*waiting_, b.address);
  if (!seqno) return false;
  seqno_ = *seqno;
  ++next_batch_;
  return true;
}

bool StreamGuest::step() {
  switch (state_) {
    case State::starting:
      if (!driver_.ready()) return false;
      break;
    case State::running:
      if (!driver_.done(*waiting_, seqno_)) return false;
      if (next_batch_ < script_.batches().size()) break;
      next_step_ = next_batch_ = 0;
      ++round_;
      resume_ns_ = port_.now_ns() + config_.pause_ns;
      state_ = round_ < config_.rounds ? State::pausing : State::finished;
      return true;
    case State::pausing:
      if (port_.now_ns() < resume_ns_) return false;
      resume_ns_ = UINT64_MAX;
      break;
    case State::finished: return false;
  }
  state_ = submit_next() ? State::running : State::finished;
  return true;
}

void StreamGuest::advance() {
  while (step()) {
  }
}
void StreamGuest::on_interrupt() {
  driver_.on_interrupt();
  advance();
}
void StreamGuest::on_time() {
  driver_.on_time();
  advance();
}
uint64_t StreamGuest::wake_ns() const { return std::min(driver_.wake_ns(), resume_ns_); }

}  // namespace guests
