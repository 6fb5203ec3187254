// SPDX-License-Identifier: MIT
// hv::Domain and hv::Clock with a journal in between. One class for recording and for replaying, so
// that the two cannot disagree on what a record holds.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "hv/domain.h"
#include "hv/trace/journal.h"

namespace hv::trace {

class TracedClock final : public Clock {
 public:
  /// `live` is nullptr in a replay.
  TracedClock(Clock* live, Journal& journal) : live_(live), journal_(journal) {}
  uint64_t now_ns() override {
    return journal_.now([this] { return live_->now_ns(); });
  }

 private:
  Clock* live_;
  Journal& journal_;
};

class TracedDomain final : public Domain {
 public:
  /// `live` is nullptr in a replay. `subject` numbers the domain in the trace, from 1. With
  /// `keep_pages` it remembers which pages are pinned, for gfn_of.
  TracedDomain(Domain* live, Journal& journal, uint32_t subject, DomId id, bool keep_pages)
      : live_(live), journal_(journal), subject_(subject), id_(id), keep_pages_(keep_pages) {}

  [[nodiscard]] DomId id() const override { return id_; }
  Status read(Gpa from, std::span<std::byte> to) override;
  Status write(Gpa to, std::span<const std::byte> from) override;
  void pin(std::span<const Gfn> gfns, std::span<BusFrame> frames) override;
  void unpin(std::span<const Gfn> gfns) override;
  Status protect(Gfn gfn) override;
  Status unprotect(Gfn gfn) override;
  Status place(Range range, Gpa base, uint64_t bytes) override;
  Status remove(Range range) override;
  Result<std::span<std::byte>> register_pages(Range range, uint64_t offset,
                                              uint64_t bytes) override;
  Status set_direct_read(Range range, uint64_t offset, uint64_t bytes, bool direct) override;
  Status inject_msi(uint64_t address, uint32_t data) override;
  Status add_ram(Gfn first, uint64_t pages) override;
  Result<uint64_t> show_ram(Range range, uint64_t offset, std::span<const Gfn> gfns) override;
  Status show_tiled(Range range, uint64_t offset, std::span<const Gfn> gfns,
                    uint64_t fence) override;
  void hide_ram(Range range, uint64_t offset, uint64_t pages) override;

  [[nodiscard]] uint32_t subject() const { return subject_; }
  /// The page behind a pinned frame.
  [[nodiscard]] std::optional<Gfn> gfn_of(BusFrame frame) const;
  /// Changes whenever gfn_of may answer otherwise.
  [[nodiscard]] uint64_t pins_changed() const { return pins_changed_; }

 private:
  struct Pinned {
    uint64_t count = 0;
    BusFrame frame{};
  };
  void replay_pins(std::span<const Gfn> gfns, std::span<BusFrame> frames);
  void remember(std::span<const Gfn> gfns, std::span<const BusFrame> frames);

  Domain* live_;
  Journal& journal_;
  const uint32_t subject_;
  const DomId id_;
  const bool keep_pages_;
  std::unordered_map<Gfn, Pinned> pinned_;
  std::unordered_map<BusFrame, Gfn> gfns_;
  uint64_t pins_changed_ = 0;
  std::vector<std::byte> scratch_;
  std::vector<std::unique_ptr<std::byte[]>> registers_;  ///< replay: the memory behind them
};

}  // namespace hv::trace
