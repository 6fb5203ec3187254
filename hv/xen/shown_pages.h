// SPDX-License-Identifier: MIT
// Pages of a BAR behind which the guest finds its own RAM without an exit: machine frames of the
// guest mapped there as a device's memory would be.
//
// Xen takes no reference for such a mapping, so the frame is pinned from before it is made until it
// is gone. All frames are the guest's own: they come from foreign mappings of that domain, and
// Xen's machine-to-guest table must agree.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hv/xen/calls.h"
#include "hv/xen/machine_frames.h"
#include "hv/xen/memory.h"
#include "hv/xen/record.h"
#include "hv/xen/tiled_aperture.h"

namespace hv::xen {

/// Mappings (runs of neighbouring frames) of one guest; the oldest makes room. Each costs two calls
/// that flush caches, to make and to take away, so this bounds what one action of a guest costs.
inline constexpr size_t kMaxShownRuns = 512;
/// Runs and pages made at once.
inline constexpr size_t kShownRunsAtOnce = 16, kShownPagesAtOnce = 256;
/// Pages of one tiled region: 16 MiB.
inline constexpr size_t kTiledPages = 4096;

class ShownPages {
 public:
  using LogLine = std::function<void(std::string_view)>;
  /// Pages that must keep trapping: those whose writes are reported.
  using Forbidden = std::function<bool(Gfn)>;
  /// `machine` is nullptr where frames cannot be found: then nothing is ever shown.
  /// `tiled` is nullptr where there is no aperture of silicon.
  ShownPages(Calls& calls, GuestMemory& memory, MachineFrames* machine, TiledAperture* tiled,
             Forbidden forbidden, LogLine log)
      : calls_(calls),
        memory_(memory),
        machine_(machine),
        tiled_(tiled),
        forbidden_(std::move(forbidden)),
        log_(std::move(log)) {}
  ~ShownPages();
  ShownPages(const ShownPages&) = delete;
  ShownPages& operator=(const ShownPages&) = delete;

  /// Puts the guest's pages at guest frames from `at` on; how many, from the first on, were. What
  /// is there already, or cannot be, ends the run.
  Result<size_t> show(Gfn at, std::span<const Gfn> gfns);
  /// Puts part of the GPU's own aperture there, behind which the pages look linear. Where the GPU
  /// has no fence left, the oldest of this guest's traps again.
  Status show_tiled(Gfn at, std::span<const Gfn> gfns, uint64_t fence);
  /// Takes away all mappings that reach into these guest frames.
  void hide(Gfn at, uint64_t pages);
  void hide_all();
  /// Takes away the mapping, wherever it is, that shows this page.
  void hide_page(Gfn gfn);
  /// Takes away those whose frames the guest gave back.
  void check();
  /// What is shown now; how often that changed so far.
  void describe(Record& record) const;
  [[nodiscard]] uint64_t changes() const { return changes_; }
  /// Takes away what a process left behind that ended without doing so.
  void take_away_left(const Record& record);
  [[nodiscard]] size_t runs() const { return runs_.size(); }
  [[nodiscard]] uint64_t pages() const { return where_.size(); }

 private:
  struct Run {
    uint64_t frame = 0, age = 0;
    std::vector<Gfn> gfns;
    std::vector<BusFrame> behind;  ///< a tiled run's: what the aperture leads to
  };
  using Runs = std::map<uint64_t, Run>;  // by the guest frame where they begin
  struct Found {
    std::vector<Gfn> gfns;  // pinned
    std::vector<BusFrame> frames;
  };
  Found find(uint64_t at, std::span<const Gfn> gfns);
  void keep_first(Found& found, size_t count);
  bool has_ram(uint64_t first, uint64_t last);
  bool map(uint64_t at, std::span<const Gfn> gfns, uint64_t frame,
           std::vector<BusFrame> behind = {});
  Result<BusFrame> take_tiled(std::span<const BusFrame> frames, uint64_t fence);
  Runs::iterator take_away(Runs::iterator run);
  bool is_gone(uint64_t at, uint64_t frame, uint64_t pages);
  void make_room();
  [[nodiscard]] Runs::iterator run_at(uint64_t at);

  Calls& calls_;
  GuestMemory& memory_;
  MachineFrames* machine_;
  TiledAperture* tiled_;
  Forbidden forbidden_;
  LogLine log_;
  Runs runs_;
  std::unordered_map<uint64_t, uint64_t> where_;  // shown page to where it is shown
  uint64_t made_ = 0, changes_ = 0;
  bool ended_ = false;  // the domain is being destroyed: nobody runs in it, its mappings go with it
};

}  // namespace hv::xen
