// SPDX-License-Identifier: MIT
// A scan over a vector, with an owner that remembers what it was asked and refuses on demand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "mediator/scanner.h"

namespace mediator::test {

inline constexpr uint32_t kEnd = 0x05000000, kNoop = 0;
inline constexpr uint64_t kShift =
    0x4000'0000;  // host address of a guest operand: that much higher

/// Hands out the stream in pieces, moving it each time, as an owner that copies lazily may.
class PieceSource final : public ScanSource {
 public:
  explicit PieceSource(std::vector<uint32_t> stream, size_t piece = 1)
      : stream_(std::move(stream)), piece_(piece) {}
  std::span<uint32_t> ensure(size_t dwords) override {
    const size_t want = std::min(stream_.size(), (dwords + piece_ - 1) / piece_ * piece_);
    if (want <= copy.size()) return copy;
    std::vector<uint32_t> moved(copy);
    moved.insert(moved.end(), stream_.begin() + static_cast<std::ptrdiff_t>(copy.size()),
                 stream_.begin() + static_cast<std::ptrdiff_t>(want));
    copy.swap(moved);
    return copy;
  }
  std::vector<uint32_t> copy;

 private:
  std::vector<uint32_t> stream_;
  size_t piece_;
};

class RecordingHost final : public ScanHost {
 public:
  struct Operand {
    uint64_t address;
    unsigned bytes;
    bool write;
    bool operator==(const Operand&) const = default;
  };
  struct Start {
    uint64_t address;
    bool ggtt;
    unsigned level;
    bool operator==(const Start&) const = default;
  };

  hv::Result<hv::GmAddr> relocate(hv::GmAddr guest, unsigned bytes, bool write) override {
    operands.push_back({guest.v, bytes, write});
    if (fail_relocate) return hv::Error::bad_address;
    return hv::GmAddr{guest.v + kShift};
  }
  hv::Result<uint64_t, Reject> batch_start(uint64_t address, bool ggtt, unsigned level) override {
    starts.push_back({address, ggtt, level});
    if (refuse_batch != Reject::none) return refuse_batch;
    return ggtt ? address + kShift : address;
  }
  void load_register(uint32_t reg, uint32_t& value) override {
    registers.emplace_back(reg, value);
    value |= set_bits;
  }
  void display_command(const gen9::CommandDesc& desc, std::span<const uint32_t> dwords) override {
    display.emplace_back(desc.id, std::vector<uint32_t>(dwords.begin(), dwords.end()));
  }
  void patched(size_t index, uint32_t original) override { patches.emplace_back(index, original); }

  bool fail_relocate = false;
  Reject refuse_batch = Reject::none;
  uint32_t set_bits = 0;
  std::vector<Operand> operands;
  std::vector<Start> starts;
  std::vector<std::pair<uint32_t, uint32_t>> registers;
  std::vector<std::pair<gen9::Cmd, std::vector<uint32_t>>> display;
  std::vector<std::pair<size_t, uint32_t>> patches;
};

/// What a scan left behind.
struct Scanned {
  ScanOutcome outcome;
  std::vector<uint32_t> copy;
  RecordingHost host;
  [[nodiscard]] Reject reason() const { return outcome.refusal.reason; }
};

inline Scanned run(std::vector<uint32_t> stream, const ScanRequest& request,
                   RecordingHost host = {}) {
  PieceSource source(std::move(stream));
  Scanned s{{}, {}, std::move(host)};
  s.outcome = scan(source, request, s.host);
  s.copy = std::move(source.copy);
  return s;
}

inline ScanRequest ring(size_t dwords, gen9::EngineId e = gen9::EngineId::rcs) {
  return {.engine = e, .rules = Rules::privileged, .level = 0, .ring_dwords = dwords};
}
inline ScanRequest batch(Rules rules, gen9::EngineId e = gen9::EngineId::rcs, unsigned level = 1) {
  return {.engine = e, .rules = rules, .level = level};
}

/// A ring scan of exactly these dwords.
inline Scanned run_ring(std::vector<uint32_t> stream, RecordingHost host = {},
                        gen9::EngineId e = gen9::EngineId::rcs) {
  const size_t n = stream.size();
  return run(std::move(stream), ring(n, e), std::move(host));
}
/// A first-level user batch: the command, then its end.
inline Scanned run_user(std::vector<uint32_t> command, gen9::EngineId e = gen9::EngineId::rcs) {
  command.push_back(kEnd);
  return run(std::move(command),
             batch(e == gen9::EngineId::bcs ? Rules::user_blitter : Rules::user, e));
}

}  // namespace mediator::test
