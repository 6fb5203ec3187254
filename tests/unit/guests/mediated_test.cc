// SPDX-License-Identifier: MIT
// Mediated equals native, bit for bit: memory and what the GPU executed, however guests are
// interleaved.
#include <gtest/gtest.h>

#include "dom0/embedded/host.h"
#include "dom0/embedded/native.h"
#include "dom0/embedded/streams.h"
#include "dom0/guests/aub/player.h"
#include "dom0/guests/painter/painter.h"
#include "tests/fake/aub_builder.h"

namespace {

using embedded::StreamResults;
using embedded::StreamRun;
using gen9::EngineId;
constexpr uint64_t kMs = 1'000'000;

std::vector<guests::AubScript> corpus() {
  std::vector<guests::AubScript> scripts;
  for (const char* name : {"skl-compute-64", "skl-many-512", "skl-tri-256"}) {
    auto s = guests::AubScript::load(std::string("tests/corpus/aub/") + name + ".aub.zst");
    if (!s.ok()) {
      ADD_FAILURE() << name << ": " << s.error();
      return {};
    }
    scripts.push_back(std::move(*s));
  }
  return scripts;
}

StreamResults run(const std::vector<guests::AubScript>& scripts, const StreamRun& how) {
  auto r = embedded::run_streams(scripts, how);
  EXPECT_TRUE(r.ok()) << (r.ok() ? "" : r.error());
  return r.ok() ? std::move(*r) : StreamResults{};
}

void expect_same(const StreamResults& native, const StreamResults& mediated) {
  ASSERT_EQ(native.streams.size(), mediated.streams.size());
  for (size_t i = 0; i < native.streams.size(); ++i) {
    SCOPED_TRACE("stream " + std::to_string(i));
    EXPECT_EQ(native.streams[i].error, "");
    EXPECT_EQ(mediated.streams[i].error, "");
    EXPECT_EQ(mediated.streams[i].refused, 0u);
    EXPECT_EQ(native.streams[i].executed, mediated.streams[i].executed);
    EXPECT_EQ(native.streams[i].stream, mediated.streams[i].stream);
    EXPECT_EQ(native.streams[i].memory, mediated.streams[i].memory);
  }
  for (const auto& v : mediated.violations) ADD_FAILURE() << v;
}

/// Natively, and mediated in every way that must not matter.
void expect_equal_everyhow(const std::vector<guests::AubScript>& scripts) {
  const StreamResults native = run(scripts, {.mediated = false});
  for (const uint64_t slice : {1 * kMs, 5 * kMs, 30 * kMs})
    expect_same(native, run(scripts, {.slice_ns = slice}));
  expect_same(native, run(scripts, {.scan_all = true}));
}

TEST(Mediated, CorpusStreamsSideBySideEqualNative) { expect_equal_everyhow(corpus()); }

TEST(Mediated, CorpusStreamsAloneEqualNative) {
  for (auto& script : corpus()) {
    std::vector<guests::AubScript> one;
    one.push_back(std::move(script));
    expect_same(run(one, {.mediated = false}), run(one, {}));
  }
}

// Generated streams: each word of the batch is given.

constexpr uint64_t kData = 0x4000'0000, kBatch = 0x5000'0000, kSecond = 0x5000'1000;
constexpr uint32_t mi(uint32_t opcode, uint32_t length = 0) { return opcode << 23 | length; }
constexpr uint32_t kEnd = mi(0x0a);
constexpr uint32_t lo(uint64_t a) { return static_cast<uint32_t>(a); }
constexpr uint32_t hi(uint64_t a) { return static_cast<uint32_t>(a >> 32); }

using Words = std::vector<uint32_t>;

Words store(uint64_t at, uint32_t value) { return {mi(0x20, 2), lo(at), hi(at), value}; }
Words store_register(uint32_t reg, uint64_t at) { return {mi(0x24, 2), reg, lo(at), hi(at)}; }

Words batch_of(std::initializer_list<Words> parts) {
  Words all;
  for (const Words& p : parts) all.insert(all.end(), p.begin(), p.end());
  all.push_back(kEnd);
  if (all.size() % 2) all.push_back(0);
  return all;
}

guests::AubScript script_of(EngineId engine, const Words& batch, const Words& second = {}) {
  fake::AubBuilder b;
  b.map(kData, 16);
  b.map(kBatch, 4);
  b.write(kBatch, batch);
  if (!second.empty()) b.write(kSecond, second);
  b.submit(engine, kBatch);
  const auto bytes = b.bytes();
  const auto source = aub::memory_source(bytes);
  auto s = guests::AubScript::load(*source);
  if (!s.ok()) ADD_FAILURE() << s.error();
  return s.ok() ? std::move(*s) : guests::AubScript{};
}

std::vector<guests::AubScript> list(guests::AubScript a) {
  std::vector<guests::AubScript> v;
  v.push_back(std::move(a));
  return v;
}

/// The dword at kData + offset after a native run: what the stream is meant to do was done.
uint32_t data_after(const guests::AubScript& script, uint64_t offset) {
  gpu::model::Config config;
  config.context_time = true;
  embedded::NativeHost host(config, script.ram_bytes());
  EXPECT_EQ(host.boot(std::make_unique<guests::AubPlayer>(host.port(), script)), "");
  EXPECT_TRUE(host.run(1000 * kMs));
  for (const aub::MappedPage& p : script.mapped())
    if (p.address == ((kData + offset) & ~hv::kPageMask))
      return host.port().ram_load<uint32_t>(
          hv::Gpa{(p.frame << hv::kPageShift) + (offset & hv::kPageMask)});
  ADD_FAILURE() << "not mapped";
  return 0;
}

TEST(Mediated, StoresLandInTheGuestsOwnPages) {
  const auto scripts =
      list(script_of(EngineId::rcs, batch_of({store(kData, 0x11), store(kData + 0x4004, 0x22)})));
  EXPECT_EQ(data_after(scripts[0], 0), 0x11u);
  EXPECT_EQ(data_after(scripts[0], 0x4004), 0x22u);
  expect_equal_everyhow(scripts);
}

TEST(Mediated, GuestsWithTheSameAddressesDoNotSeeEachOther) {
  std::vector<guests::AubScript> scripts;
  const Words copy{mi(0x2e, 3), lo(kData + 64), 0, lo(kData), 0};
  for (uint32_t i = 1; i < 5; ++i) {
    scripts.push_back(script_of(EngineId::rcs, batch_of({store(kData, i), copy})));
    EXPECT_EQ(data_after(scripts.back(), 64), i);
  }
  expect_equal_everyhow(scripts);
}

TEST(Mediated, TimestampsAdvanceOnlyWithTheContextsOwnTime) {
  constexpr uint32_t kTimestamp = 0x2358, kVertices = 400'000;  // about 0.8 ms each
  Words batch;
  for (unsigned i = 0; i < 8; ++i) {
    for (const uint32_t w : store_register(kTimestamp, kData + 8 * i)) batch.push_back(w);
    for (const uint32_t w : {0x7b000005u, 0u, kVertices, 0u, 1u, 0u, 0u}) batch.push_back(w);
  }
  std::vector<guests::AubScript> scripts;
  for (unsigned i = 0; i < 3; ++i) scripts.push_back(script_of(EngineId::rcs, batch_of({batch})));
  EXPECT_GT(data_after(scripts[0], 56), data_after(scripts[0], 0));
  // Long enough that short slices do cut it up, which costs GPU time but shows nowhere else.
  EXPECT_GT(run(scripts, {.slice_ns = 1 * kMs}).gpu_ns,
            run(scripts, {.slice_ns = 30 * kMs}).gpu_ns);
  expect_equal_everyhow(scripts);
}

TEST(Mediated, AWaitForASemaphoreThatIsSignalledGoesOn) {
  // Compare mode "equal", polling, PPGTT.
  const Words wait{mi(0x1c, 2) | 1u << 15 | 4u << 12, 7, lo(kData), hi(kData)};
  const auto scripts =
      list(script_of(EngineId::rcs, batch_of({store(kData, 7), wait, store(kData + 8, 9)})));
  EXPECT_EQ(data_after(scripts[0], 8), 9u);
  expect_equal_everyhow(scripts);
}

TEST(Mediated, ArithmeticOnRegistersComesOutTheSame) {
  constexpr uint32_t kGpr0 = 0x2600, kGpr1 = 0x2608;
  const Words load{mi(0x22, 7), kGpr0, 5, kGpr0 + 4, 0, kGpr1, 6, kGpr1 + 4, 0};
  const auto alu = [](uint32_t op, uint32_t a, uint32_t b) { return op << 20 | a << 10 | b; };
  const Words math{mi(0x1a, 3), alu(0x080, 0x20, 0), alu(0x080, 0x21, 1), alu(0x100, 0, 0),
                   alu(0x180, 0, 0x31)};
  const auto scripts =
      list(script_of(EngineId::rcs, batch_of({load, math, store_register(kGpr0, kData)})));
  EXPECT_EQ(data_after(scripts[0], 0), 11u);
  expect_equal_everyhow(scripts);
}

TEST(Mediated, ASecondLevelBatchReturns) {
  const Words call{mi(0x31, 1) | 1u << 22 | 1u << 8, lo(kSecond), hi(kSecond)};
  const auto scripts = list(
      script_of(EngineId::rcs, batch_of({call, store(kData, 1)}), batch_of({store(kData + 4, 2)})));
  EXPECT_EQ(data_after(scripts[0], 0), 1u);
  EXPECT_EQ(data_after(scripts[0], 4), 2u);
  expect_equal_everyhow(scripts);
}

TEST(Mediated, BlitsComeOutTheSame) {
  const Words fill{2u << 29 | 0x50u << 22 | 3u << 20 | 5,
                   3u << 24 | 0xf0u << 16 | 256,
                   0,
                   32u << 16 | 48,
                   lo(kData),
                   hi(kData),
                   0xabcdef};
  const Words copy{2u << 29 | 0x53u << 22 | 3u << 20 | 8,
                   3u << 24 | 0xccu << 16 | 256,
                   8u << 16 | 8,
                   24u << 16 | 24,
                   lo(kData + 0x8000),
                   hi(kData),
                   0,
                   256,
                   lo(kData),
                   hi(kData)};
  const auto scripts = list(script_of(EngineId::bcs, batch_of({fill, copy})));
  EXPECT_EQ(data_after(scripts[0], 0), 0xabcdefu);
  EXPECT_EQ(data_after(scripts[0], 0x8000 + 8 * 256 + 8 * 4), 0xabcdefu);
  expect_equal_everyhow(scripts);
}

TEST(Mediated, AStreamThatWaitsForeverIsGivenUpAndItsNeighbourIsNot) {
  const Words wait{mi(0x1c, 2) | 1u << 15 | 4u << 12, 7, lo(kData), hi(kData)};
  std::vector<guests::AubScript> scripts;
  scripts.push_back(script_of(EngineId::rcs, batch_of({wait})));
  scripts.push_back(script_of(EngineId::rcs, batch_of({store(kData, 5)})));
  const StreamResults native = run(scripts, {.mediated = false});
  const StreamResults mediated = run(scripts, {});
  for (const StreamResults* r : {&native, &mediated}) {
    EXPECT_FALSE(r->ok());
    EXPECT_NE(r->streams[0].error, "");
    EXPECT_EQ(r->streams[1].error, "");
  }
  EXPECT_EQ(native.streams[1].memory, mediated.streams[1].memory);
}

TEST(Mediated, AStreamThatJumpsToItselfIsGivenUp) {
  const Words again{mi(0x31, 1) | 1u << 8, lo(kBatch), hi(kBatch)};
  const auto scripts = list(script_of(EngineId::rcs, batch_of({again})));
  EXPECT_NE(run(scripts, {.mediated = false, .max_commands = 10'000}).streams[0].error, "");
  EXPECT_NE(run(scripts, {.max_commands = 10'000}).streams[0].error, "");
}

TEST(Mediated, VideoEnginesRunTheirStreams) {
  for (const EngineId e : {EngineId::vcs, EngineId::vecs})
    expect_equal_everyhow(list(script_of(e, batch_of({store(kData, 3)}))));
}

// Drawing guests.

guests::PainterConfig painting(unsigned scene, uint64_t frames) {
  guests::PainterConfig c;
  c.scene = scene;
  c.seed = scene + 1;
  c.width = 256;
  c.height = 192;
  c.frames = frames;
  return c;
}

std::string screen_memory(guests::GuestPort& port, const guests::Painter& painter) {
  std::vector<aub::MappedPage> pages;
  for (const auto& [va, page] : painter.space()->mapped())
    pages.push_back({va, page.v >> hv::kPageShift, true});
  return guests::memory_hash(port, pages);
}

std::string native_painting(const guests::PainterConfig& config) {
  embedded::NativeHost host({}, guests::painter_ram_bytes(config));
  auto owned = std::make_unique<guests::Painter>(host.port(), config);
  const guests::Painter& painter = *owned;
  EXPECT_EQ(host.boot(std::move(owned)), "");
  EXPECT_TRUE(host.run(2000 * kMs));
  return screen_memory(host.port(), painter);
}

void expect_paintings_equal(uint64_t slice_ns, bool scan_all) {
  embedded::HostConfig config;
  config.mediator.slice_ns = slice_ns;
  config.mediator.scan_all = scan_all;
  embedded::Host host(config);
  ASSERT_EQ(host.start(), "");
  std::vector<const guests::Painter*> painters;
  for (unsigned i = 0; i < guests::kScenes; ++i) {
    const auto c = painting(i, 4);
    embedded::Guest* g = host.add_guest("painter", guests::painter_ram_bytes(c), {});
    ASSERT_NE(g, nullptr);
    auto p = std::make_unique<guests::Painter>(g->port(), c);
    painters.push_back(p.get());
    ASSERT_EQ(host.boot(*g, std::move(p)), "");
  }
  EXPECT_EQ(host.run(2000 * kMs), embedded::Host::Stop::finished);
  for (unsigned i = 0; i < guests::kScenes; ++i) {
    SCOPED_TRACE(painters[i]->scene());
    embedded::Guest& g = *host.guests()[i];
    EXPECT_EQ(painters[i]->error(), "");
    EXPECT_EQ(painters[i]->driver().engine_counts(EngineId::bcs).csb_errors, 0u);
    EXPECT_EQ(host.mediator().stats(g.vgpu()).refused_commands, 0u);
    EXPECT_EQ(screen_memory(g.port(), *painters[i]), native_painting(painting(i, 4)));
  }
  for (const auto& v : host.guard().described()) ADD_FAILURE() << v;
}

TEST(Mediated, DrawingGuestsEqualNative) { expect_paintings_equal(5 * kMs, false); }
TEST(Mediated, DrawingGuestsEqualNativeInShortSlices) { expect_paintings_equal(1 * kMs, true); }

TEST(Mediated, AScreenShowsWhatTheGuestDrew) {
  embedded::Host host(embedded::HostConfig{});
  ASSERT_EQ(host.start(), "");
  const auto c = painting(0, 2);
  embedded::Guest* g = host.add_guest("painter", guests::painter_ram_bytes(c), {});
  ASSERT_EQ(host.boot(*g, std::make_unique<guests::Painter>(g->port(), c)), "");
  host.run(500 * kMs);
  const auto screen = host.session().read_screen(g->vgpu());
  ASSERT_TRUE(screen.ok());
  EXPECT_EQ(screen->width, 256u);
  EXPECT_EQ(screen->height, 192u);
  EXPECT_GT(std::set<uint32_t>(screen->pixels.begin(), screen->pixels.end()).size(), 5u);
}

/// A guest that behaves until its contexts are there, then writes nonsense everywhere it can while
/// it goes on submitting.
class Vandal final : public guests::Actor {
 public:
  explicit Vandal(guests::GuestPort& port)
      : port_(port), driver_(port, {.first_frame = 1, .frames = 1000, .heartbeat_ns = kMs}) {}
  std::string start() override { return driver_.start(); }
  void on_interrupt() override { driver_.on_interrupt(); }
  void on_time() override {
    driver_.on_time();
    if (driver_.ready() && rounds_ < kRounds) scribble();
  }
  [[nodiscard]] uint64_t wake_ns() const override { return driver_.wake_ns(); }
  [[nodiscard]] bool finished() const override { return rounds_ >= kRounds; }

 private:
  static constexpr unsigned kRounds = 60;
  void scribble() {
    ++rounds_;
    for (unsigned i = 0; i < 64; ++i) {
      const uint64_t r = next();
      switch (r % 4) {
        case 0: port_.mmio_write(next() % gen9::kMmioBytes & ~7ull, r & 8 ? 8 : 4, next()); break;
        case 1:
          port_.mmio_write(gen9::kGttOffset + (65536 + next() % 256) * 8, 8, next() & 0xfffff003);
          break;
        case 2: port_.ram_store(hv::Gpa{next() % port_.ram_bytes() & ~7ull}, 8, next()); break;
        default:
          port_.write32(gen9::engine_reg(gen9::kAllEngines[next() % 4], gen9::rel::kElsp),
                        static_cast<uint32_t>(next()));
      }
    }
  }
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }
  guests::GuestPort& port_;
  guests::Driver driver_;
  uint64_t state_ = 0x1234'5678'9abc'def1;
  unsigned rounds_ = 0;
};

TEST(Mediated, AVandalChangesNothingForItsNeighbours) {
  embedded::Host host(embedded::HostConfig{});
  ASSERT_EQ(host.start(), "");
  embedded::Guest* bad = host.add_guest("vandal", 4u << 20, {});
  ASSERT_NE(bad, nullptr);
  ASSERT_EQ(host.boot(*bad, std::make_unique<Vandal>(bad->port())), "");
  const auto c = painting(2, 4);
  embedded::Guest* good = host.add_guest("painter", guests::painter_ram_bytes(c), {});
  auto owned = std::make_unique<guests::Painter>(good->port(), c);
  const guests::Painter& painter = *owned;
  ASSERT_EQ(host.boot(*good, std::move(owned)), "");
  host.run(2000 * kMs, [&] { return !painter.finished(); });
  EXPECT_EQ(painter.error(), "");
  EXPECT_EQ(painter.driver().engine_counts(EngineId::bcs).csb_errors, 0u);
  EXPECT_EQ(screen_memory(good->port(), painter), native_painting(c));
  for (const auto& v : host.guard().described()) ADD_FAILURE() << v;
}

}  // namespace
