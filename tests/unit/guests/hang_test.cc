// SPDX-License-Identifier: MIT
// A guest that hangs its engine, finds out by its heartbeat, resets, and goes on: natively and
// through the mediator, beside a neighbour that must not notice.
#include <gtest/gtest.h>

#include "dom0/embedded/host.h"
#include "dom0/embedded/native.h"
#include "dom0/guests/driver/driver.h"

namespace {

using gen9::EngineId;
constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kBatch = 0x10'0000, kData = 0x20'0000;

/// Runs a batch that hangs, then, in another context, one that stores a word.
class Hanger final : public guests::Actor {
 public:
  Hanger(guests::GuestPort& port, bool hangs)
      : driver_(port, {.engines = gen9::engine_bit(EngineId::rcs),
                       .first_frame = 1,
                       .frames = 1000,
                       .heartbeat_ns = 5 * kMs}),
        hangs_(hangs) {}
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
  [[nodiscard]] bool finished() const override { return finished_; }
  [[nodiscard]] guests::Driver& driver() { return driver_; }
  uint32_t stored() { return driver_.port().ram_load<uint32_t>(data_); }

 private:
  void submit(guests::Context& context, uint64_t at, std::vector<uint32_t> words) {
    words.push_back(0x0a << 23);
    if (words.size() % 2) words.push_back(0);
    driver_.port().ram_write(hv::Gpa{batch_.v + (at - kBatch)}, std::as_bytes(std::span(words)));
    driver_.submit(context, at);
  }
  void set_up() {
    guests::GuestPpgtt* space = driver_.create_ppgtt();
    batch_ = space->populate(kBatch, 1)->front();
    data_ = space->populate(kData, 1)->front();
    bad_ = driver_.create_context(EngineId::rcs, space->root());
    good_ = driver_.create_context(EngineId::rcs, space->root());
    // Wait for a value that nobody stores.
    if (hangs_) submit(*bad_, kBatch, {0x1c << 23 | 1 << 15 | 4 << 12 | 2, 7, kData + 64, 0});
  }
  void advance() {
    if (!driver_.ready()) return;
    if (!bad_) set_up();
    const bool recovered = !hangs_ || driver_.counts().resets > 0;
    if (recovered && !asked_) {
      submit(*good_, kBatch + 256, {0x20 << 23 | 2, kData, 0, 0x600d});
      asked_ = true;
    }
    finished_ = asked_ && stored() == 0x600d && driver_.idle();
  }
  guests::Driver driver_;
  bool hangs_, asked_ = false, finished_ = false;
  guests::Context* bad_ = nullptr;
  guests::Context* good_ = nullptr;
  hv::Gpa batch_{}, data_{};
};

TEST(Hang, NativelyTheHeartbeatResetsTheEngine) {
  embedded::NativeHost host({}, 8u << 20);
  auto owned = std::make_unique<Hanger>(host.port(), true);
  Hanger& guest = *owned;
  ASSERT_EQ(host.boot(std::move(owned)), "");
  EXPECT_TRUE(host.run(500 * kMs));
  EXPECT_EQ(guest.driver().counts().resets, 1u);
}

TEST(Hang, AMediatedGuestRecoversAndItsNeighbourDoesNotNotice) {
  embedded::Host host(embedded::HostConfig{});
  ASSERT_EQ(host.start(), "");
  Hanger* guests[2];
  for (unsigned i = 0; i < 2; ++i) {
    embedded::Guest* g = host.add_guest("hanger", 8u << 20, {});
    ASSERT_NE(g, nullptr);
    auto owned = std::make_unique<Hanger>(g->port(), i == 0);
    guests[i] = owned.get();
    ASSERT_EQ(host.boot(*g, std::move(owned)), "");
  }
  EXPECT_EQ(host.run(2000 * kMs), embedded::Host::Stop::finished);
  EXPECT_EQ(guests[0]->stored(), 0x600du);
  EXPECT_EQ(guests[0]->driver().counts().resets, 1u);
  EXPECT_EQ(guests[1]->stored(), 0x600du);
  EXPECT_EQ(guests[1]->driver().counts().resets, 0u);
  EXPECT_EQ(guests[1]->driver().counts().missed_beats, 0u);
  for (const auto& v : host.guard().described()) ADD_FAILURE() << v;
}

}  // namespace
