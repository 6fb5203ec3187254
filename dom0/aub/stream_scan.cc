// SPDX-License-Identifier: MIT
// Walks a submission's ring and the batches it reaches.
#include "dom0/aub/stream_scan.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "hv/bits.h"

namespace aub {

/// One submission being scanned.
struct StreamScan::Run {
  gen9::EngineId engine;
  Ppgtt tables;
  std::deque<Batch> waiting{};
  unsigned batches = 0;
  uint64_t dwords = 0;
};

/// Addresses stay what they are: nothing runs here.
class StreamScan::Host final : public mediator::ScanHost {
 public:
  Host(const Memory& memory, Run& run, bool flat) : memory_(memory), run_(run), flat_(flat) {}

  hv::Result<hv::GmAddr> relocate(hv::GmAddr guest, unsigned bytes, bool) override {
    const bool mapped = memory_.ggtt(guest.v) && memory_.ggtt(guest.v + (bytes ? bytes - 1 : 0));
    if (!mapped) return hv::Error::bad_address;
    return guest;
  }
  hv::Result<uint64_t, mediator::Reject> batch_start(uint64_t address, bool ggtt,
                                                     unsigned level) override {
    if (run_.batches == kMaxBatchesPerSubmission || run_.dwords > kMaxDwordsPerSubmission) {
      return mediator::Reject::too_many_batches;
    }
    ++run_.batches;
    // The older format has one address space; what it captures are user batches.
    run_.waiting.push_back({address, ggtt && !flat_, level});
    return address;
  }
  void load_register(uint32_t, uint32_t&) override {}
  void display_command(const gen9::CommandDesc&, std::span<const uint32_t>) override {}
  void patched(size_t index, uint32_t original) override { patches_.emplace_back(index, original); }

  void undo(std::vector<uint32_t>& copy) const {
    for (auto p = patches_.rbegin(); p != patches_.rend(); ++p) copy[p->first] = p->second;
  }

 private:
  const Memory& memory_;
  Run& run_;
  bool flat_;
  std::vector<std::pair<size_t, uint32_t>> patches_;
};

/// Copies a batch page by page as the scan reaches it. Mapped memory nobody wrote reads as zero.
class StreamScan::BatchSource final : public mediator::ScanSource {
 public:
  BatchSource(const Memory& memory, const Run& run, const Batch& batch)
      : memory_(memory), run_(run), batch_(batch) {}

  std::span<uint32_t> ensure(size_t dwords) override {
    while (copy.size() < dwords && more()) {
    }
    return copy;
  }
  std::vector<uint32_t> copy;

 private:
  bool more() {
    const uint64_t at = batch_.address + copy.size() * 4;
    const auto physical = batch_.ggtt ? memory_.ggtt(at) : memory_.ppgtt(run_.tables, at);
    if (!physical) return false;
    const size_t bytes = hv::kPageSize - (*physical & hv::kPageMask);
    const size_t old = copy.size();
    copy.resize(old + bytes / 4);
    const Memory::Page* page = memory_.page(*physical >> hv::kPageShift);
    if (page) std::memcpy(&copy[old], page->data() + (*physical & hv::kPageMask), bytes);
    return true;
  }
  const Memory& memory_;
  const Run& run_;
  const Batch& batch_;
};

namespace {

class RingSource final : public mediator::ScanSource {
 public:
  explicit RingSource(std::vector<uint32_t> ring) : copy(std::move(ring)) {}
  std::span<uint32_t> ensure(size_t) override { return copy; }
  std::vector<uint32_t> copy;
};

}  // namespace

SinkStatus StreamScan::submitted(const Submission& s) {
  if (SinkStatus first = scan_context(s.engine, s.descriptors[0]); !first) return first;
  if ((s.descriptors[1] & 1) != 0) {
    if (SinkStatus second = scan_context(s.engine, s.descriptors[1]); !second) return second;
  }
  ++report_.submissions;
  return {};
}

SinkStatus StreamScan::scan_context(gen9::EngineId engine, uint64_t descriptor) {
  const auto view = view_context(memory(), descriptor);
  if (!view) return view.error();
  std::vector<uint32_t> ring;
  for (uint32_t at = view->head; at != view->tail; at = (at + 4) % view->ring_bytes) {
    ring.push_back(memory().ggtt_dword(view->ring_start + uint64_t{at}));
  }
  Run run{engine, view->ppgtt};
  scan_all(run, std::move(ring), view->ring_start + uint64_t{view->head});
  retire_context(memory(), *view);
  return {};
}

SinkStatus StreamScan::ring_write(gen9::EngineId engine, std::span<const std::byte> data) {
  std::vector<uint32_t> ring(data.size() / 4);
  if (!ring.empty()) std::memcpy(ring.data(), data.data(), ring.size() * 4);
  Run run{engine, {}};
  scan_all(run, std::move(ring), 0);
  ++report_.submissions;
  return {};
}

void StreamScan::scan_all(Run& run, std::vector<uint32_t> ring, uint64_t ring_address) {
  if (ring.empty()) return;
  Host host(memory(), run, file_header().blocks);
  mediator::ScanRequest request;
  request.engine = run.engine;
  request.ring_dwords = ring.size();
  RingSource source(std::move(ring));
  const auto outcome = mediator::scan(source, request, host);
  finish(run, "ring", ring_address, outcome, std::move(source.copy), host);
  while (!run.waiting.empty()) {
    const Batch batch = run.waiting.front();
    run.waiting.pop_front();
    scan_batch(run, batch);
  }
}

void StreamScan::scan_batch(Run& run, const Batch& batch) {
  Host host(memory(), run, file_header().blocks);
  mediator::ScanRequest request;
  request.engine = run.engine;
  request.level = batch.level;
  if (!batch.ggtt) {
    request.rules =
        run.engine == gen9::EngineId::bcs ? mediator::Rules::user_blitter : mediator::Rules::user;
  }
  BatchSource source(memory(), run, batch);
  const auto outcome = mediator::scan(source, request, host);
  run.dwords += outcome.dwords;
  ++report_.batches;
  finish(run, batch.ggtt ? "ggtt" : "ppgtt", batch.address, outcome, std::move(source.copy), host);
}

/// Counts what was accepted, by the names of the stream as it was before patching.
void StreamScan::finish(const Run& run, const char* stream, uint64_t address,
                        const mediator::ScanOutcome& outcome, std::vector<uint32_t> copy,
                        const Host& host) {
  host.undo(copy);
  size_t at = 0;
  const auto rows = gen9::command_table();
  counts_.resize(rows.size());
  for (uint64_t i = 0; i < outcome.commands && at < copy.size(); ++i) {
    const unsigned row = gen9::command_index(run.engine, copy[at]);
    if (row == 0) break;
    ++counts_[row - 1];
    at += gen9::command_length(rows[row - 1], copy[at]);
  }
  report_.bytes += at * 4;
  const bool refused = outcome.refusal.reason != mediator::Reject::none;
  if (refused && report_.rejected.size() < kMaxRejections) {
    report_.rejected.push_back({report_.submissions, run.engine, stream, address, outcome.refusal});
  }
}

ScanReport StreamScan::report() const {
  ScanReport all = report_;
  for (size_t row = 0; row < counts_.size(); ++row) {
    if (counts_[row] != 0) all.commands[gen9::command_table()[row].name] += counts_[row];
  }
  return all;
}

}  // namespace aub
