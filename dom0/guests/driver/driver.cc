// SPDX-License-Identifier: MIT
// Bring-up, submission, interrupts and the heartbeat of the embedded guest driver.
#include "dom0/guests/driver/driver.h"

#include <algorithm>

#include "shadow/gen9/context_image.h"

namespace guests {
namespace {

// xAPIC message to CPU 0, vector 0x41.
constexpr uint32_t kMsiAddress = 0xfee0'0000;
constexpr uint16_t kMsiData = 0x4041;
constexpr uint32_t kPipeBits = hv::bit(0) | hv::bit(3);  // vblank, plane 1 flip done
constexpr unsigned kTagShift = 5;  // i915 keeps its tag above the counter bits

}  // namespace

struct Driver::Engine {
  explicit Engine(Execlists&& e) : lists(std::move(e)) {}
  Execlists lists;
  Context* kernel = nullptr;
  uint32_t beat_seqno = 0;
  unsigned missed = 0;
  DefaultState defaults;
  std::vector<std::unique_ptr<Context>> contexts;
};

Driver::Driver(GuestPort& port, const DriverConfig& config)
    : port_(port), config_(config), frames_(config.first_frame, config.frames) {}
Driver::~Driver() = default;

std::string Driver::start() {
  if (port_.virtual_gpu()) {
    auto info = read_pvinfo(port_);
    if (!info.ok()) return info.error();
    info_ = *info;
    if (!enable_msi(port_, kMsiAddress, kMsiData)) return "no MSI capability";
  } else {
    info_.windows = config_.native_windows;
  }
  ggtt_ = std::make_unique<GuestGgtt>(port_, frames_, info_.windows);
  enable_interrupts(port_, config_.engines);
  enable_pipe_interrupts(port_, kPipeBits);
  std::string why = start_engines();
  if (why.empty() && port_.virtual_gpu()) announce_display_ready(port_);
  return why;
}

std::string Driver::start_engines() {
  if (!create_ppgtt()) return "out of memory for the kernel's address space";
  auto batch = ggtt_->create(1), scratch = ggtt_->create(1);
  if (!batch || !scratch) return "out of GGTT space";
  indirect_ = std::move(*batch);
  indirect_scratch_ = std::move(*scratch);
  const Words words = emit_indirect_context(static_cast<uint32_t>(indirect_scratch_.address));
  write_object(port_, indirect_, 0, std::as_bytes(std::span(words)));
  for (const gen9::EngineId e : gen9::kAllEngines) {
    if (!(config_.engines & gen9::engine_bit(e))) continue;
    if (std::string why = start_engine(e); !why.empty()) return why;
  }
  if (config_.heartbeat_ns) next_beat_ns_ = port_.now_ns() + config_.heartbeat_ns;
  return {};
}

std::string Driver::start_engine(gen9::EngineId id) {
  auto status = ggtt_->create(1);
  if (!status) return "out of GGTT space";
  auto& e = engines_[gen9::index(id)];
  e = std::make_unique<Engine>(Execlists(port_, id, std::move(*status)));
  e->lists.enable();
  e->kernel = create_context(id, spaces_[0]->root());
  if (!e->kernel) return "out of memory for the kernel context";
  submit_request(*e, *e->kernel, 0, true);
  return {};
}

GuestPpgtt* Driver::create_ppgtt() {
  auto space = GuestPpgtt::create(port_, frames_);
  if (!space) return nullptr;
  spaces_.push_back(std::make_unique<GuestPpgtt>(std::move(*space)));
  return spaces_.back().get();
}

Context* Driver::create_context(gen9::EngineId id, hv::Gpa pml4) {
  Engine* e = engine(id);
  if (!e) return nullptr;
  ContextConfig c{id, next_context_++ << kTagShift, pml4};
  if (!e->defaults.empty()) c.defaults = &e->defaults;
  if (id == gen9::EngineId::rcs) {
    c.mid_thread = config_.mid_thread && ready_;
    const Words words = emit_indirect_context(0);
    c.indirect_context = static_cast<uint32_t>(indirect_.address);
    c.indirect_lines = static_cast<uint32_t>(words.size() / 16);
  }
  auto context = Context::create(port_, *ggtt_, c);
  if (!context) return nullptr;
  e->contexts.push_back(std::move(context));
  return e->contexts.back().get();
}

void Driver::submit_request(Engine& e, Context& context, uint64_t batch, bool first_use) {
  Request r{&context};
  if (!context.emit(batch, first_use, r.tail, r.wa_tail)) return;
  r.seqno = context.last_seqno();
  e.lists.queue(r);
}

std::optional<uint32_t> Driver::submit(Context& context, uint64_t batch) {
  const uint32_t before = context.last_seqno();
  submit_request(*engine(context.engine()), context, batch, false);
  if (context.last_seqno() == before) return std::nullopt;
  return context.last_seqno();
}

void Driver::on_interrupt() {
  ++counts_.interrupts;
  // One pass: what comes in meanwhile raises the line again when the master goes back on.
  const Pending p = take_pending(port_);
  counts_.vblanks += p.pipe_a & 1;
  counts_.flips_done += p.pipe_a >> 3 & 1;
  for (auto& e : engines_) {
    if (!e) continue;
    const uint32_t bits = p.engine[gen9::index(e->lists.engine())];
    if (bits & gen9::irq::kContextSwitch) e->lists.process_csb();
    if (bits) (void)e->lists.retire();
  }
  if (!ready_) record_defaults();
}

// Only an idle engine has saved its context: the image is then what every later context starts
// from.
void Driver::record_defaults() {
  if (!idle()) return;
  for (auto& e : engines_) {
    if (!e) continue;
    const GgttObject& image = e->kernel->image();
    e->defaults.resize(image.bytes() - gen9::ctx::kStatePage * hv::kPageSize);
    read_object(port_, image, gen9::ctx::kStatePage * hv::kPageSize, e->defaults);
  }
  ready_ = true;
}

bool Driver::idle() const {
  return std::all_of(engines_.begin(), engines_.end(),
                     [](const auto& e) { return !e || e->lists.idle(); });
}

uint64_t Driver::wake_ns() const { return next_beat_ns_; }

void Driver::on_time() {
  if (port_.now_ns() < next_beat_ns_) return;
  next_beat_ns_ = port_.now_ns() + config_.heartbeat_ns;
  for (auto& e : engines_)
    if (e) beat(*e);
}

void Driver::beat(Engine& e) {
  if (e.beat_seqno && !done(*e.kernel, e.beat_seqno)) {
    ++counts_.missed_beats;
    if (++e.missed < config_.missed_beats_to_reset) return;
    ++counts_.resets;
    e.lists.reset();
    (void)e.lists.retire();
  }
  e.missed = 0;
  ++counts_.beats;
  submit_request(e, *e.kernel, 0, false);
  e.beat_seqno = e.kernel->last_seqno();
}

const EngineCounts& Driver::engine_counts(gen9::EngineId id) const {
  static const EngineCounts kNone;
  const auto& e = engines_[gen9::index(id)];
  return e ? e->lists.counts() : kNone;
}

}  // namespace guests
