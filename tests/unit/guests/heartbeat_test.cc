// SPDX-License-Identifier: MIT
// How many busy guests fit before their drivers miss heartbeats and reset engines that are fine:
// as docs/ARCHITECTURE.md says, at a thousandth of i915's pace.
#include <gtest/gtest.h>

#include "dom0/embedded/host.h"
#include "dom0/guests/driver/driver.h"
#include "mediator/mediator.h"

namespace {

constexpr uint64_t kMs = 1'000'000, kBatch = 0x10'0000;
constexpr uint64_t kBeat = 5 * kMs, kWork = 1 * kMs, kSlice = 1 * kMs;
// What fits by the rule: four beats over the turns that a pulse waits for.
constexpr unsigned kFit = 4 * kBeat / (kWork + kSlice);

/// Keeps the render engine busy with batches of a slice, one queued behind the other.
class Busy final : public guests::Actor {
 public:
  explicit Busy(guests::GuestPort& port)
      : driver_(port, {.engines = gen9::engine_bit(gen9::EngineId::rcs),
                       .first_frame = 1,
                       .frames = 1000,
                       .heartbeat_ns = kBeat}) {}
  std::string start() override { return driver_.start(); }
  void on_interrupt() override {
    driver_.on_interrupt();
    advance();
  }
  void on_time() override {
    driver_.on_time();
    advance();
  }
  [[nodiscard]] uint64_t wake_ns() const override { return driver_.wake_ns(); }
  [[nodiscard]] bool finished() const override { return false; }
  [[nodiscard]] guests::Driver& driver() { return driver_; }

 private:
  void set_up() {
    guests::GuestPpgtt* space = driver_.create_ppgtt();
    std::vector<uint32_t> words;
    constexpr uint32_t kPieces = 10, kVertices = (kWork / kPieces - 4000) / 2;
    for (uint32_t n = 0; n < kPieces; ++n)
      words.insert(words.end(), {0x7b00'0005, 0, kVertices, 0, 1, 0, 0, 0x05u << 23});
    words.push_back(0x0au << 23);
    driver_.port().ram_write(space->populate(kBatch, 1)->front(), std::as_bytes(std::span(words)));
    context_ = driver_.create_context(gen9::EngineId::rcs, space->root());
  }
  void advance() {
    if (!driver_.ready()) return;
    if (!context_) set_up();
    if (!last_ || driver_.done(*context_, *last_)) last_ = driver_.submit(*context_, kBatch);
  }
  guests::Driver driver_;
  guests::Context* context_ = nullptr;
  std::optional<uint32_t> last_;
};

/// Engines that drivers reset while `guests` were busy.
uint64_t resets(unsigned guests) {
  embedded::HostConfig config;
  config.mediator.slice_ns = kSlice;
  embedded::Host host(config);
  EXPECT_EQ(host.start(), "");
  std::vector<Busy*> all;
  for (unsigned i = 0; i < guests; ++i) {
    embedded::Guest* g = host.add_guest("busy", 8u << 20, {});
    auto owned = std::make_unique<Busy>(g->port());
    all.push_back(owned.get());
    EXPECT_EQ(host.boot(*g, std::move(owned)), "");
  }
  (void)host.run(30 * kBeat);
  uint64_t n = 0;
  for (Busy* b : all) {
    EXPECT_GT(b->driver().counts().beats, 0u);
    n += b->driver().counts().resets;
  }
  return n;
}

TEST(Heartbeat, AsManyBusyGuestsAsFitResetNothing) { EXPECT_EQ(resets(kFit * 3 / 4), 0u); }

TEST(Heartbeat, TwiceAsManyDo) { EXPECT_GT(resets(kFit * 2), 0u); }

}  // namespace
