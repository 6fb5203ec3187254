// SPDX-License-Identifier: MIT
// A guest that boots like a good one and then writes nonsense everywhere: registers, GGTT entries,
// page tables, contexts, rings, ELSP. What it does follows from its source of random numbers.
#pragma once

#include <functional>
#include <random>
#include <utility>

#include "dom0/guests/actor.h"
#include "dom0/guests/driver/driver.h"

namespace hostile {

template <class Random>
class BasicVandal final : public guests::Actor {
 public:
  BasicVandal(guests::GuestPort& port, Random random, unsigned acts)
      : port_(port), driver_(port, {}), rng_(std::move(random)), left_(acts) {}

  /// How it gives a page of its memory back to the hypervisor, if it may.
  void set_balloon(std::function<void(hv::Gfn)> give_back) { give_back_ = std::move(give_back); }

  std::string start() override { return driver_.start(); }
  void on_interrupt() override {
    if (left_ > 0) driver_.on_interrupt();
  }
  void on_time() override {
    driver_.on_time();
    if (!driver_.ready()) {
      next_ns_ = port_.now_ns() + 10'000;
      return;
    }
    for (unsigned i = 0; i < kActsAtOnce && left_ > 0; ++i, --left_) act();
    next_ns_ = left_ > 0 ? port_.now_ns() + 20'000 : UINT64_MAX;
  }
  [[nodiscard]] uint64_t wake_ns() const override { return next_ns_; }
  [[nodiscard]] bool finished() const override { return left_ == 0; }
  [[nodiscard]] bool ready() const { return driver_.ready(); }

 private:
  static constexpr unsigned kActsAtOnce = 40;
  uint64_t below(uint64_t n) { return std::uniform_int_distribution<uint64_t>(0, n - 1)(rng_); }
  uint64_t any() { return rng_(); }
  // Values that look like something: small, page-aligned, a likely entry, or anything.
  uint64_t value() {
    switch (below(5)) {
      case 0: return below(64);
      case 1: return below(kFrames) << 12 | below(16);
      case 2: return below(kFrames) << 12 | 0x83 | below(2) << 11;
      case 3: return any() & 0xffff'ffff;
      default: return any();
    }
  }
  uint32_t engine_base() { return gen9::info(gen9::kAllEngines[below(gen9::kEngines)]).mmio_base; }
  void act() {
    static constexpr unsigned kSizes[] = {1, 2, 4, 8};
    switch (below(16)) {
      case 0: port_.mmio_write(below(gen9::kMmioBytes - 8), kSizes[below(4)], value()); break;
      case 1:
        port_.write32(engine_base() + static_cast<uint32_t>(below(0x400)) * 4,
                      static_cast<uint32_t>(value()));
        break;
      case 2:
        port_.mmio_write(gen9::kGttOffset + below(0x40000) * 4, kSizes[below(4)], value());
        break;
      case 3:
      case 4: store_somewhere(); break;
      case 5: submit(); break;
      case 6: notify(); break;
      case 7: port_.config_write(below(256), kSizes[below(3)], value() & 0xff); break;
      case 8: forge_context(); break;
      case 9: (void)port_.mmio_read(below(gen9::kMmioBytes - 8), kSizes[below(4)]); break;
      case 10: scribble_ring(); break;
      case 11: submit_again(); break;
      case 12: edit_tables(); break;
      case 13: submit_two(); break;
      case 14:
        if (give_back_ && below(8) == 0) give_back_(hv::Gfn{4096 + below(kFrames - 4096)});
        break;
      default:
        if (below(3) == 0) port_.write32(gen9::kGdrst, static_cast<uint32_t>(below(32)));
    }
  }
  void store_somewhere() {
    static constexpr unsigned kSizes[] = {1, 2, 4, 8};
    port_.ram_store(hv::Gpa{below(kFrames << 12)}, kSizes[below(4)], value());
  }
  void submit() {
    const uint32_t elsp = engine_base() + gen9::rel::kElsp;
    for (int i = 0; i < 4; ++i) {
      const bool low = i & 1;
      port_.write32(elsp,
                    low ? static_cast<uint32_t>(lrca() | 0x119) : static_cast<uint32_t>(below(8)));
    }
  }
  void submit_list(uint32_t base, uint64_t second, uint64_t first) {
    for (const uint64_t d : {second, first}) {
      port_.write32(base + gen9::rel::kElsp, static_cast<uint32_t>(d >> 32));
      port_.write32(base + gen9::rel::kElsp, static_cast<uint32_t>(d));
    }
  }
  uint64_t descriptor(uint64_t lrca) {
    return lrca | 0x101 | (below(8) ? 3u : 1u) << 3 | uint64_t{1} << 32;
  }
  // The forged context once more, with its tail moved on or back: a lite restore if it still runs.
  void submit_again() {
    if (forged_ == 0) return;
    port_.ram_store(hv::Gpa{forged_state_ + 7 * 4}, 4, below(0x400) * 4);
    if (below(4) != 0) forged_engine_ = below(2) ? 0x2000 : 0x22000;
    submit_list(forged_engine_, 0, descriptor(forged_));
  }
  void submit_two() {
    if (forged_ != 0) submit_list(forged_engine_, descriptor(older_), descriptor(forged_));
  }
  // While something may be walking them.
  void edit_tables() {
    if (forged_tables_ == 0) return;
    const uint64_t level = below(4), entry = level == 3 ? below(512) : below(2);
    const uint64_t frame = below(2) ? forged_tables_ + below(4) : 4096 + below(1024);
    static constexpr uint64_t kFlags[] = {0, 1, 3, 0x83, 0x803};
    port_.ram_store(hv::Gpa{((forged_tables_ + level) << 12) + entry * 8}, 8,
                    frame << 12 | kFlags[below(5)]);
  }
  uint64_t lrca() {
    if (forged_ != 0 && below(3)) return forged_;
    return (below(2) ? 0 : uint64_t{256} << 20) + (below(0x400) << 12);
  }
  void notify() {
    port_.mmio_write(0x78838, 8, below(kFrames) << 12);
    port_.write32(0x78818, static_cast<uint32_t>(2 + below(4)));
  }
  // Maps a run of frames at some GGTT address and writes a context image that may even work.
  void forge_context() {
    // Sometimes a new context at an address that another one has.
    const uint64_t at = forged_ != 0 && below(3) == 0
                            ? forged_
                            : (uint64_t{256} << 20) + ((0x1000 + below(0x400)) << 12);
    const uint64_t frame = 8192 + below(4096);
    older_ = forged_;
    forged_ = at;
    forged_state_ = (frame + 1) << 12;
    for (uint64_t i = 0; i < 24; ++i) port_.write_ggtt((at >> 12) + i, (frame + i) << 12 | 1);
    const uint64_t state = (frame + 1) << 12;
    for (unsigned d = 0; d < 0x60; ++d)
      if (below(16) == 0) port_.ram_store(hv::Gpa{state + d * 4}, 4, value());
    port_.ram_store(hv::Gpa{state + 5 * 4}, 4, 0);
    port_.ram_store(hv::Gpa{state + 7 * 4}, 4, below(0x400) * 4);
    port_.ram_store(hv::Gpa{state + 9 * 4}, 4, at + 22 * 4096);
    port_.ram_store(hv::Gpa{state + 11 * 4}, 4, below(4) ? 1 : 0x3001);
    if (below(4) == 0) {  // workaround batches: per context, and indirect
      port_.ram_store(hv::Gpa{state + 25 * 4}, 4, at + (22 << 12) + 1);
      port_.ram_store(hv::Gpa{state + 27 * 4}, 4, at + (22 << 12) + below(64));
    }
    port_.ram_store(hv::Gpa{state + 51 * 4}, 4, forge_tables());
    port_.ram_store(hv::Gpa{state + 49 * 4}, 4, 0);
    const hv::Gpa ring{(frame + 22) << 12};
    for (unsigned d = 0; d < 64; ++d) port_.ram_store(hv::Gpa{ring.v + d * 4}, 4, 0);
    if (below(4) == 0)
      for (unsigned d = 0; d < 64; ++d) port_.ram_store(hv::Gpa{ring.v + d * 4}, 4, command());
    port_.ram_store(ring, 4, 0x18800101);
    port_.ram_store(hv::Gpa{ring.v + 4}, 8, below(512) << 12);
  }
  // Four levels that map 2 MiB of random frames, some of them full of commands.
  uint64_t forge_tables() {
    const uint64_t base = kTables + below(64) * 4;
    forged_tables_ = base;
    for (uint64_t level = 0; level < 3; ++level)
      port_.ram_store(hv::Gpa{(base + level) << 12}, 8, (base + level + 1) << 12 | 3);
    for (uint64_t i = 0; i < 512; i += 1 + below(8)) {
      const uint64_t frame = 4096 + below(1024);
      port_.ram_store(hv::Gpa{((base + 3) << 12) + i * 8}, 8, frame << 12 | 3);
      if (below(8) == 0)
        for (unsigned d = 0; d < 32; ++d)
          port_.ram_store(hv::Gpa{(frame << 12) + d * 4}, 4, command());
    }
    return base << 12;
  }
  uint64_t command() {
    static constexpr uint32_t kLikely[] = {
        0,          0x10400002, 0x18800101, 0x18800001, 0x11000001, 0x12000002, 0x7a000004,
        0x13000002, 0x05000000, 0x01000000, 0x50000005, 0x0e000002, 0x18c00101, 0x11000001,
        0x0000229c, 0x000024d0, 0x54c00008, 0x04000000, 0x04000001, 0x17800001};
    return below(3) ? kLikely[below(std::size(kLikely))] : value();
  }
  void scribble_ring() {
    const uint64_t at = 256 + below(4096);
    for (unsigned i = 0; i < 16; ++i)
      port_.ram_store(hv::Gpa{(at << 12) + below(1024) * 4}, 4, command());
  }

  static constexpr uint64_t kFrames = 16384, kTables = 14000;
  guests::GuestPort& port_;
  guests::Driver driver_;
  Random rng_;
  unsigned left_;
  uint64_t next_ns_ = 0;
  std::function<void(hv::Gfn)> give_back_;
  uint64_t forged_ = 0, older_ = 0;  // LRCAs of the last forged contexts
  uint64_t forged_state_ = 0;        // page 1 of its image
  uint64_t forged_tables_ = 0;       // frame of the last forged PML4
  uint32_t forged_engine_ = 0x2000;
};

using Vandal = BasicVandal<std::mt19937_64>;

}  // namespace hostile
