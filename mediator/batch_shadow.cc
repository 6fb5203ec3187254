// SPDX-License-Identifier: MIT
#include "mediator/batch_shadow.h"

#include <algorithm>

#include "mediator/engine_state.h"
#include "mediator/register_access.h"
#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"

namespace mediator {
using gen9::EngineId;
namespace {

constexpr size_t kPageDwords = hv::kPageSize / 4;
/// So many pages of spare copies a context may keep.
constexpr size_t kMaxSpare = 8;
constexpr uint32_t kCsChicken1 = 0x2580;
using GpgpuPreemption = hv::Field32<2, 1>;  // 0: mid-thread, SKL PRM vol 2c CS_CHICKEN1

class FixedSource final : public ScanSource {
 public:
  explicit FixedSource(std::span<uint32_t> stream) : stream_(stream) {}
  std::span<uint32_t> ensure(size_t) override { return stream_; }

 private:
  std::span<uint32_t> stream_;
};

// Where the next page-bounded piece after `have` dwords ends.
size_t piece(uint64_t address, size_t have) {
  const uint64_t at = address + have * 4;
  return static_cast<size_t>((hv::kPageSize - (at & hv::kPageMask)) / 4);
}

}  // namespace

void BatchCopies::recycle() {
  size_t kept = 0;
  for (const shadow::HostObject& o : spare) kept += o.pages();
  for (shadow::HostObject& o : objects)
    if ((kept += o.pages()) <= kMaxSpare) spare.push_back(std::move(o));
  objects.clear();
}

hv::Result<shadow::HostObject> BatchCopies::take(const ShadowEnv& env, unsigned pages) {
  const auto it = std::ranges::find(spare, pages, &shadow::HostObject::pages);
  if (it == spare.end())
    return shadow::HostObject::create(env.gpu, env.space, env.retired, shadow::PageUse::batch,
                                      env.owner, pages);
  shadow::HostObject object = std::move(*it);
  spare.erase(it);
  return object;
}

// A batch behind the guest's GGTT, read page by page as the scan reaches it.
class BatchShadow::GgttSource final : public ScanSource {
 public:
  GgttSource(BatchShadow& owner, uint64_t address) : owner_(owner), address_(address) {}
  std::span<uint32_t> ensure(size_t dwords) override {
    while (copy_.size() < dwords && copy_.size() < kMaxBatchDwords && grow()) {
    }
    return copy_;
  }

 private:
  bool grow() {
    const size_t have = copy_.size(), more = piece(address_, have);
    if (!owner_.spend_dwords(more)) return false;
    copy_.resize(have + more);
    const auto to = std::as_writable_bytes(std::span{copy_}.subspan(have));
    if (owner_.env_.ggtt.read(hv::GmAddr{address_ + have * 4}, to).ok()) return true;
    copy_.resize(have);
    return false;
  }
  BatchShadow& owner_;
  uint64_t address_;
  std::vector<uint32_t> copy_;
};

// A batch in the context's PPGTT; its pages come from the submission's one copy of each.
class BatchShadow::PpgttSource final : public ScanSource {
 public:
  PpgttSource(BatchShadow& owner, uint64_t address) : owner_(owner), address_(address) {}
  std::span<uint32_t> ensure(size_t dwords) override {
    while (copy_.size() < dwords && copy_.size() < kMaxBatchDwords && grow()) {
    }
    return copy_;
  }

 private:
  bool grow() {
    const uint64_t at = address_ + copy_.size() * 4;
    if (!owner_.spend_dwords(piece(address_, copy_.size()))) return false;
    const Page* page = owner_.user_page(hv::align_down(at, hv::kPageSize));
    if (page == nullptr) return false;
    const auto first = static_cast<std::ptrdiff_t>((at & hv::kPageMask) / 4);
    copy_.insert(copy_.end(), page->begin() + first, page->end());
    return true;
  }
  BatchShadow& owner_;
  uint64_t address_;
  std::vector<uint32_t> copy_;
};

BatchShadow::BatchShadow(const ShadowEnv& env, EngineId engine, const shadow::RootId* root,
                         shadow::PpgttSet::View* view, bool enable_arbitration, BatchCopies& copies,
                         size_t pages_left)
    : env_(env),
      engine_(engine),
      root_(root),
      view_(view),
      enable_arbitration_(enable_arbitration),
      copies_(copies),
      pages_left_(pages_left) {}

bool BatchShadow::spend_dwords(size_t dwords) {
  if (dwords > dwords_left_) return false;
  dwords_left_ -= dwords;
  return spend(dwords * shadow::cost::kDword);
}

bool BatchShadow::spend_pages(size_t pages) {
  if (pages > pages_left_) return false;
  pages_left_ -= pages;
  return spend(pages * shadow::cost::kCopyPage);
}

/// What cannot fail where it is asked for ends the scan at the next page.
bool BatchShadow::spend(uint64_t ns) {
  env_.work.charge(ns);
  spent_ns_ += ns;
  return spent_ns_ <= kMaxScanNs;
}

ScanOutcome BatchShadow::run_scan(ScanSource& source, Rules rules, unsigned level) {
  ScanRequest request{.engine = engine_, .rules = rules, .level = level};
  request.enable_arbitration = enable_arbitration_ && rules == Rules::privileged;
  ScanOutcome outcome = scan(source, request, *this);
  commands_ += outcome.commands;
  // The innermost refusal is the one worth telling.
  if (outcome.refusal.reason != Reject::none && refusal_.reason == Reject::none)
    refusal_ = outcome.refusal;
  return outcome;
}

ScanOutcome BatchShadow::scan_stream(std::span<uint32_t> stream, bool may_disable) {
  patches_.clear();
  FixedSource source(stream);
  ScanRequest request{.engine = engine_, .rules = Rules::privileged};
  request.ring_dwords = stream.size();
  request.enable_arbitration = enable_arbitration_ && !may_disable;
  ScanOutcome outcome = scan(source, request, *this);
  commands_ += outcome.commands;
  if (refusal_.reason == Reject::none) refusal_ = outcome.refusal;
  return outcome;
}

hv::Result<hv::GmAddr> BatchShadow::relocate(hv::GmAddr guest, unsigned bytes, bool) {
  if (!spend(shadow::cost::kOperand)) return hv::Error::no_memory;
  return env_.ggtt.host_address(guest, bytes);
}

hv::Result<uint64_t, Reject> BatchShadow::batch_start(uint64_t address, bool ggtt, unsigned level) {
  // A PPGTT batch runs without privilege behind the guest's own tables; only the blitter's checks
  // are incomplete in silicon (CVE-2019-0155).
  if (!ggtt && view_ == nullptr) return address;
  const uint64_t at = ggtt ? address : gen9::ppgtt_address(address);
  if (const auto it = done_.find({at, ggtt}); it != done_.end()) {
    if (it->second == ~uint64_t{0}) return Reject::too_deep;  // a GGTT batch that starts itself
    return it->second;
  }
  if (++batches_ > kMaxBatches) return Reject::too_many_batches;
  if (depth_ >= kMaxChain) return Reject::too_deep;
  ++depth_;
  auto result = ggtt ? ggtt_batch(at, level) : ppgtt_batch(address, level);
  --depth_;
  return result;
}

hv::Result<uint64_t, Reject> BatchShadow::privileged_batch(uint64_t address) {
  return batch_start(address, true, 1);
}

hv::Result<uint64_t, Reject> BatchShadow::ggtt_batch(uint64_t address, unsigned level) {
  if (address & 3) return Reject::batch_address;
  done_[{address, true}] = ~uint64_t{0};
  const auto outer = std::move(patches_);
  patches_.clear();
  GgttSource source(*this, address);
  const ScanOutcome outcome = run_scan(source, Rules::privileged, level);
  const auto patches = std::move(patches_);
  patches_ = outer;
  if (outcome.refusal.reason != Reject::none) return outcome.refusal.reason;

  const uint64_t offset = address & hv::kPageMask, bytes = outcome.dwords * 4;
  const auto pages = static_cast<unsigned>(hv::align_up(offset + bytes, hv::kPageSize) >> 12);
  if (!spend_pages(pages)) return Reject::no_memory;
  auto object = copies_.take(env_, pages);
  if (!object.ok()) return Reject::no_memory;
  object->write(offset, std::as_bytes(source.ensure(0).first(outcome.dwords)));
  const uint64_t host = object->base().v + offset;
  if (env_.originals != nullptr) {
    env_.originals->forget(object->base().v, uint64_t{pages} << 12);
    for (const auto& [index, original] : patches)
      env_.originals->remember(host + index * 4, original);
  }
  copies_.objects.push_back(std::move(object.value()));
  done_[{address, true}] = host;
  return host;
}

hv::Result<uint64_t, Reject> BatchShadow::ppgtt_batch(uint64_t address, unsigned level) {
  if ((address & 3) || root_ == nullptr) return Reject::batch_address;
  const uint64_t at = gen9::ppgtt_address(address);
  done_[{at, false}] = address;  // runs at the same address; loops are fine
  const auto outer = std::move(patches_);
  PpgttSource source(*this, at);
  const Rules rules = engine_ == EngineId::bcs ? Rules::user_blitter : Rules::user;
  const ScanOutcome outcome = run_scan(source, rules, level);
  patches_ = outer;
  if (outcome.refusal.reason != Reject::none) return outcome.refusal.reason;
  return address;
}

BatchShadow::Page* BatchShadow::user_page(uint64_t va) {
  if (const auto it = user_pages_.find(va); it != user_pages_.end()) return &it->second;
  if (user_pages_.size() >= kMaxBatchDwords / kPageDwords) return nullptr;
  Page page(kPageDwords);
  if (!env_.ppgtt.read(*root_, va, std::as_writable_bytes(std::span{page})).ok()) return nullptr;
  return &user_pages_.emplace(va, std::move(page)).first->second;
}

hv::Status BatchShadow::commit() {
  if (!spend_pages(user_pages_.size())) return hv::Error::no_memory;
  for (const auto& [va, page] : user_pages_) {
    auto object = copies_.take(env_, 1);
    if (!object.ok()) return object.error();
    object->write(0, std::as_bytes(std::span{page}));
    if (const auto s = view_->replace(va, object->frame(0)); !s.ok()) return s;
    copies_.objects.push_back(std::move(object.value()));
  }
  if (!user_pages_.empty()) env_.retired.mark_stale();
  return {};
}

void BatchShadow::load_register(uint32_t reg, uint32_t& value) {
  (void)spend(shadow::cost::kRegister);
  if (reg == kCsChicken1 && (value >> 16 & GpgpuPreemption::mask) != 0)
    mid_thread_ = GpgpuPreemption::get(value) == 0;
  // What is loaded from memory too (saved, changed and put back by a workaround) stands in the GPU
  // alone, and is read back there.
  const bool elsewhere = may_read_register(engine_, Rules::privileged, reg);
  if (!elsewhere) env_.device.command_write(reg, value);
  if (is_loaded(engine_, reg))
    add_mark(marks_, {reg, env_.device.registers().get(reg), !elsewhere});
}

void BatchShadow::display_command(const gen9::CommandDesc& desc, std::span<const uint32_t> dw) {
  if (desc.id != gen9::Cmd::mi_display_flip || dw.size() < 3) return;
  const uint32_t plane = dw[0] >> 8 & 0x1f;  // SKL PRM vol 2a MI_DISPLAY_FLIP bits 12:8
  env_.device.display_flip(plane, dw[2] & ~uint32_t{0xfff}, dw[1], (dw[2] & 3) == 1);
}

void BatchShadow::patched(size_t index, uint32_t original) {
  if (env_.originals != nullptr) patches_.emplace_back(index, original);
}

}  // namespace mediator
