// SPDX-License-Identifier: MIT
// Copying and scanning command bytes against copying them alone: the corpus' own batches, over and
// over in distinct memory, so that caches help neither.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "dom0/aub/submission.h"
#include "hv/bits.h"
#include "mediator/scanner.h"

namespace {

using mediator::Reject;

constexpr size_t kArenaBytes = size_t{80} << 20;  // at least 64 MiB of distinct copies
constexpr size_t kPieceDwords = hv::kPageSize / 4;

/// Lets everything stand; remembers batches that go on elsewhere.
class Host final : public mediator::ScanHost {
 public:
  hv::Result<hv::GmAddr> relocate(hv::GmAddr guest, unsigned, bool) override { return guest; }
  hv::Result<uint64_t, Reject> batch_start(uint64_t address, bool, unsigned) override {
    starts.push_back(address);
    return address;
  }
  void load_register(uint32_t, uint32_t&) override {}
  void display_command(const gen9::CommandDesc&, std::span<const uint32_t>) override {}
  void patched(size_t, uint32_t) override {}
  std::vector<uint64_t> starts;
};

mediator::ScanRequest user_batch(gen9::EngineId engine) {
  const bool blitter = engine == gen9::EngineId::bcs;
  return {.engine = engine,
          .rules = blitter ? mediator::Rules::user_blitter : mediator::Rules::user,
          .level = 1};
}

struct Batch {
  gen9::EngineId engine{};
  std::vector<uint32_t> dwords;
};

/// Collects every batch that a file's submissions execute, each up to its end.
class Collector final : public aub::Player {
 public:
  explicit Collector(std::vector<Batch>& out) : out_(out) {}
  aub::SinkStatus submitted(const aub::Submission& s) override {
    for (const uint64_t descriptor : s.descriptors) {
      if ((descriptor & 1) == 0) continue;
      const auto view = aub::view_context(memory(), descriptor);
      if (!view.ok()) return view.error();
      collect(s.engine, *view);
      aub::retire_context(memory(), *view);
    }
    return {};
  }
  aub::SinkStatus ring_write(gen9::EngineId, std::span<const std::byte>) override { return {}; }

 private:
  /// A batch as the file's page tables show it.
  class Source final : public mediator::ScanSource {
   public:
    Source(const aub::Memory& memory, const aub::Ppgtt& tables, uint64_t address)
        : memory_(memory), tables_(tables), address_(address) {}
    std::span<uint32_t> ensure(size_t dwords) override {
      while (copy.size() < dwords) {
        const auto physical = memory_.ppgtt(tables_, address_ + copy.size() * 4);
        if (!physical) break;
        copy.push_back(dword(*physical));
      }
      return copy;
    }
    std::vector<uint32_t> copy;

   private:
    uint32_t dword(uint64_t physical) const {
      const auto* page = memory_.page(physical >> hv::kPageShift);
      return page ? hv::load<uint32_t>(page->data() + (physical & hv::kPageMask)) : 0;
    }
    const aub::Memory& memory_;
    const aub::Ppgtt& tables_;
    uint64_t address_;
  };

  void collect(gen9::EngineId engine, const aub::ContextView& view) {
    std::vector<uint32_t> ring;
    for (uint32_t at = view.head; at != view.tail; at = (at + 4) % view.ring_bytes)
      ring.push_back(memory().ggtt_dword(view.ring_start + uint64_t{at}));
    struct Ring final : mediator::ScanSource {
      explicit Ring(std::vector<uint32_t>& r) : ring(r) {}
      std::span<uint32_t> ensure(size_t) override { return ring; }
      std::vector<uint32_t>& ring;
    } source(ring);
    Host host;
    (void)mediator::scan(source, {.engine = engine, .ring_dwords = ring.size()}, host);
    for (size_t n = 0; n < host.starts.size() && n < 1000; ++n) {
      Source batch(memory(), view.ppgtt, host.starts[n]);
      const auto outcome = mediator::scan(batch, user_batch(engine), host);
      if (outcome.refusal.reason != Reject::none) continue;
      batch.copy.resize(outcome.dwords);
      out_.push_back({engine, std::move(batch.copy)});
    }
  }
  std::vector<Batch>& out_;
};

std::vector<Batch> load_corpus() {
  std::vector<Batch> batches;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/aub", none)) {
    if (entry.path().extension() != ".zst") continue;
    auto source = aub::open_source(entry.path());
    Collector collector(batches);
    if (source.ok()) (void)aub::read_aub(**source, collector);
  }
  return batches;
}

/// The corpus' batches end to end until the arena is full, and room for their copies.
struct Arena {
  struct Piece {
    gen9::EngineId engine{};
    size_t first = 0, dwords = 0;
  };
  std::vector<uint32_t> from, to;
  std::vector<Piece> pieces;

  Arena() {
    const std::vector<Batch> corpus = load_corpus();
    while (!corpus.empty() && from.size() * 4 < kArenaBytes)
      for (const Batch& b : corpus) {
        pieces.push_back({b.engine, from.size(), b.dwords.size()});
        from.insert(from.end(), b.dwords.begin(), b.dwords.end());
      }
    to.resize(from.size());
  }
  static Arena& get() {
    static Arena arena;
    return arena;
  }
};

/// Copies page by page, as the mediator does, when the scan gets there.
class CopySource final : public mediator::ScanSource {
 public:
  CopySource(const uint32_t* from, uint32_t* to, size_t dwords)
      : from_(from), to_(to), dwords_(dwords) {}
  std::span<uint32_t> ensure(size_t dwords) override {
    while (have_ < dwords && have_ < dwords_) {
      const size_t n = std::min(kPieceDwords, dwords_ - have_);
      std::memcpy(to_ + have_, from_ + have_, n * 4);
      have_ += n;
    }
    return {to_, have_};
  }

 private:
  const uint32_t* from_;
  uint32_t* to_;
  size_t dwords_, have_ = 0;
};

void copy_only(benchmark::State& state) {
  Arena& a = Arena::get();
  if (a.pieces.empty()) return state.SkipWithError("no corpus");
  for (auto _ : state)
    for (const Arena::Piece& p : a.pieces)
      std::memcpy(a.to.data() + p.first, a.from.data() + p.first, p.dwords * 4);
  benchmark::DoNotOptimize(a.to.data());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(a.from.size() * 4));
}
BENCHMARK(copy_only)->Unit(benchmark::kMillisecond);

void copy_scan(benchmark::State& state) {
  Arena& a = Arena::get();
  if (a.pieces.empty()) return state.SkipWithError("no corpus");
  uint64_t refused = 0;
  Host host;
  for (auto _ : state)
    for (const Arena::Piece& p : a.pieces) {
      CopySource source(a.from.data() + p.first, a.to.data() + p.first, p.dwords);
      host.starts.clear();
      const auto outcome = mediator::scan(source, user_batch(p.engine), host);
      refused += outcome.refusal.reason != Reject::none || outcome.dwords != p.dwords;
    }
  benchmark::DoNotOptimize(a.to.data());
  if (refused > 0) state.SkipWithError("a batch was not scanned to its end");
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(a.from.size() * 4));
}
BENCHMARK(copy_scan)->Unit(benchmark::kMillisecond);

}  // namespace
