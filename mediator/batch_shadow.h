// SPDX-License-Identifier: MIT
// Copies and audits the streams of one submission: its ring segment and every batch that must run
// from host-owned memory. Guest memory is read once into a copy; the copy is audited, and runs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "mediator/engine_state.h"
#include "mediator/scanner.h"
#include "mediator/shadow_env.h"
#include "shadow/host_object.h"

namespace mediator {

/// Bounds of one submission.
inline constexpr unsigned kMaxBatches = 256;         ///< batch starts followed
inline constexpr unsigned kMaxChain = 32;            ///< batch starts inside one another
inline constexpr size_t kMaxBatchDwords = 1u << 20;  ///< one batch: 4 MiB
inline constexpr size_t kMaxScannedDwords = 2 * kMaxBatchDwords;  ///< all batches together

/// By stated costs (shadow/work.h): longer than the largest batches of plain commands take, with
/// all their copies. It cannot stop half-way.
inline constexpr uint64_t kMaxScanNs = 20'000'000;

/// Host-owned copies a submission runs from; they live until its context is done with them. A few
/// then stay where they are for its next submission, which so changes no entry of the GPU's GGTT
/// and leaves no translation to be dropped.
struct BatchCopies {
  std::vector<shadow::HostObject> objects;
  std::vector<shadow::HostObject> spare;
  /// Nothing of it runs any more.
  void recycle();
  /// A page or more for a copy, with any content; from the spare ones if one fits.
  hv::Result<shadow::HostObject> take(const ShadowEnv& env, unsigned pages);
  [[nodiscard]] size_t pages() const {
    size_t n = 0;
    for (const shadow::HostObject& o : objects) n += o.pages();
    return n;
  }
};

class BatchShadow final : public ScanHost {
 public:
  /// `root`: the context's PPGTT, or null if it has none. `view`: where copies of PPGTT batches are
  /// put; null when no such copies are made on this engine. `pages_left`: how many pages of copies
  /// may be made.
  BatchShadow(const ShadowEnv& env, gen9::EngineId engine, const shadow::RootId* root,
              shadow::PpgttSet::View* view, bool enable_arbitration, BatchCopies& copies,
              size_t pages_left);

  /// Audits `stream` (a ring segment or an indirect-context batch, already copied) in place.
  /// `may_disable`: it may turn arbitration off, which its owner then turns on again.
  ScanOutcome scan_stream(std::span<uint32_t> stream, bool may_disable = false);
  /// A batch at a guest GGTT address, copied and audited as from the ring; host address of the
  /// copy.
  hv::Result<uint64_t, Reject> privileged_batch(uint64_t address);
  /// Puts the audited copies of PPGTT batches in place. Call once, after all scans succeeded.
  hv::Status commit();

  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  [[nodiscard]] uint64_t commands() const { return commands_; }
  /// (index in the last scan_stream, original dword) of what was patched.
  [[nodiscard]] const std::vector<std::pair<size_t, uint32_t>>& patches() const { return patches_; }
  /// Last value loaded into CS_CHICKEN1 by an audited LRI, if any.
  [[nodiscard]] bool mid_thread_preemption() const { return mid_thread_; }
  /// What audited loads leave in registers that are loaded at a switch.
  [[nodiscard]] const std::vector<Mark>& marks() const { return marks_; }

  // ScanHost.
  hv::Result<hv::GmAddr> relocate(hv::GmAddr guest, unsigned bytes, bool write) override;
  hv::Result<uint64_t, Reject> batch_start(uint64_t address, bool ggtt, unsigned level) override;
  void load_register(uint32_t reg, uint32_t& value) override;
  void display_command(const gen9::CommandDesc& desc, std::span<const uint32_t> dwords) override;
  void patched(size_t index, uint32_t original) override;

 private:
  class GgttSource;
  class PpgttSource;
  using Page = std::vector<uint32_t>;
  hv::Result<uint64_t, Reject> ggtt_batch(uint64_t address, unsigned level);
  hv::Result<uint64_t, Reject> ppgtt_batch(uint64_t address, unsigned level);
  ScanOutcome run_scan(ScanSource& source, Rules rules, unsigned level);
  Page* user_page(uint64_t va);
  /// Takes so many dwords and pages from what this submission may use; false if not enough is left.
  bool spend_dwords(size_t dwords);
  bool spend_pages(size_t pages);
  bool spend(uint64_t ns);

  const ShadowEnv& env_;
  gen9::EngineId engine_;
  const shadow::RootId* root_;
  shadow::PpgttSet::View* view_;
  bool enable_arbitration_;
  BatchCopies& copies_;
  Refusal refusal_;
  uint64_t commands_ = 0;
  unsigned batches_ = 0, depth_ = 0;
  size_t dwords_left_ = kMaxScannedDwords, pages_left_;
  uint64_t spent_ns_ = 0;
  bool mid_thread_ = false;
  std::vector<Mark> marks_;
  std::vector<std::pair<size_t, uint32_t>> patches_;
  std::map<std::pair<uint64_t, bool>, uint64_t> done_;  // (address, ggtt) -> address to run
  std::map<uint64_t, Page> user_pages_;                 // page va -> its one copy
};

}  // namespace mediator
