// SPDX-License-Identifier: MIT
// Whose turn it is on one engine. Pure policy: no GPU, no clock of its own; the same calls give the
// same answers. docs/SCHEDULING.md says what it promises and why.
//
// Weighted fair queueing with eligibility: each vGPU has a virtual time, which moves on by what it
// used over its weight, and the engine has one, which moves on by what all used over the weights of
// those that have work. Of those not ahead of the engine, the one whose slice should be over first
// runs. What a slice overshot is missing from the next.
#pragma once

#include <boost/intrusive/set.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "hv/types.h"
#include "mediator/shares.h"

namespace mediator {

/// A vGPU whose domain is starved of CPUs keeps at most so many slices of what it is owed.
inline constexpr uint64_t kStarvedSlices = 10;

/// What one vGPU got of one engine.
struct Served {
  uint64_t used_ns = 0;           ///< on the engine, switches to and from it included
  uint64_t slices = 0;            ///< times it was given the engine
  uint64_t overshoot_ns = 0;      ///< time on the engine after it was told to leave
  uint64_t max_overshoot_ns = 0;  ///< the longest of these
  uint64_t max_wait_ns = 0;  ///< longest it had work and right to the engine, but not the engine
};

class Scheduler {
 public:
  explicit Scheduler(const GpuShares& gpu) : gpu_(gpu) {}
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  Scheduler(Scheduler&&) = delete;

  // Who there is, and what they may have. Unknown vGPUs are ignored; values keep their rules.
  void add(hv::VgpuId id, const Share& share, uint64_t now);
  void remove(hv::VgpuId id, uint64_t now);
  void set_share(hv::VgpuId id, const Share& share, uint64_t now);
  void set_gpu(const GpuShares& gpu, uint64_t now);
  /// A paused vGPU has no work, and no part in an equal share.
  void set_paused(hv::VgpuId id, bool paused, uint64_t now);
  /// Its domain wants CPUs and gets none: while it has no work it loses none of what it is owed.
  void set_starved(hv::VgpuId id, bool starved, uint64_t now);
  /// It gets nothing before `until`.
  void hold(hv::VgpuId id, uint64_t until, uint64_t now);

  // Its work.
  /// It has work (again). Known already: no effect.
  void ready(hv::VgpuId id, uint64_t now);
  void not_ready(hv::VgpuId id, uint64_t now);
  /// The next vGPU, which becomes current; nobody may be current.
  std::optional<hv::VgpuId> next(uint64_t now);
  /// The current one is on the engine from `now` on, and off it since `at`.
  void began(uint64_t now);
  void ended(uint64_t at);
  /// The current one's turn is over.
  void yield(bool still_ready, uint64_t now);
  [[nodiscard]] std::optional<hv::VgpuId> current() const;
  /// Somebody waits for the engine, and may have it now.
  [[nodiscard]] bool others_waiting() const { return !eligible_.empty() || !later_.empty(); }
  /// Somebody has work and may have the engine from some time on: a hold or a window ends.
  [[nodiscard]] bool others_later() const {
    return !throttled_.empty() && throttled_.begin()->release_ns != UINT64_MAX;
  }
  /// Is the current one to leave now? If not, its slice may have been renewed. Ask at wake_ns.
  bool must_leave(uint64_t now);
  /// It was told to; what it uses from now on is overshoot.
  void told_to_leave(uint64_t now);
  /// When must_leave (or, with nobody current, next) may answer otherwise; UINT64_MAX for never.
  [[nodiscard]] uint64_t wake_ns() const;

  [[nodiscard]] const GpuShares& gpu() const { return gpu_; }
  [[nodiscard]] Served served(hv::VgpuId id) const;
  /// The part of the engine it is to get if everybody is busy, of kWholeGpu.
  [[nodiscard]] uint32_t asked(hv::VgpuId id) const;
  /// Time used by all, the removed ones too.
  [[nodiscard]] uint64_t used_ns() const { return used_ns_; }
  void encode(std::vector<std::byte>& out) const;

 private:
  enum class Place : uint8_t { idle, eligible, later, throttled, current };
  /// Virtual times wrap around: only differences count.
  using Virtual = uint64_t;
  struct Entity : boost::intrusive::set_base_hook<> {
    hv::VgpuId id{};
    Share share;
    Place place = Place::idle;
    bool paused = false, starved = false;
    uint64_t weight = 1, slice_ns = 0;
    Virtual at = 0;        ///< its virtual time
    Virtual start = 0;     ///< eligible when the engine's time is not before this
    Virtual deadline = 0;  ///< when its slice should be over
    int64_t allow_ns = 0;  ///< in each window; the window itself if there is no cap
    int64_t spent_ns = 0;  ///< in the window of that number, with what earlier ones overshot
    uint64_t window = 0;
    uint64_t held_until = 0, release_ns = 0;
    uint64_t since_ns = 0;  ///< waiting or idle since
    uint64_t order = 0;     ///< among equals who came first goes first
    Served served;
  };
  static bool before(Virtual a, Virtual b) { return static_cast<int64_t>(a - b) < 0; }
  struct ByStart {
    bool operator()(const Entity& a, const Entity& b) const {
      return a.start != b.start ? before(a.start, b.start) : a.order < b.order;
    }
  };
  struct ByDeadline {
    bool operator()(const Entity& a, const Entity& b) const {
      if (a.share.latency != b.share.latency) return a.share.latency > b.share.latency;
      return a.deadline != b.deadline ? before(a.deadline, b.deadline) : a.order < b.order;
    }
  };
  struct ByRelease {
    bool operator()(const Entity& a, const Entity& b) const {
      return a.release_ns != b.release_ns ? a.release_ns < b.release_ns : a.order < b.order;
    }
  };
  template <class Compare>
  using Set = boost::intrusive::set<Entity, boost::intrusive::compare<Compare>>;

  Entity* find(hv::VgpuId id);
  [[nodiscard]] const Entity* find(hv::VgpuId id) const;
  // Time.
  void account(uint64_t now);
  void spend(Entity& e, uint64_t from, uint64_t to);
  void roll(Entity& e, uint64_t now) const;
  [[nodiscard]] uint64_t release_of(Entity& e, int64_t rest_ns, uint64_t now) const;
  [[nodiscard]] uint64_t cap_end(Entity& e, uint64_t now) const;
  static int64_t scaled(int64_t ns, uint64_t weight);
  static int64_t unscaled(int64_t units, uint64_t weight);  ///< rounded up
  void set_at(Entity& e, Virtual at);
  // Places.
  void enqueue(Entity& e, uint64_t now);
  void dequeue(Entity& e);
  void join(Entity& e, uint64_t keep_ns, uint64_t now);
  void release(uint64_t now);
  void promote();
  void renew(Entity& e) const;
  void grant(Entity& e, uint64_t now);
  [[nodiscard]] bool challenged(const Entity& current);
  void hurry(const Entity& e, uint64_t now);
  // Settings.
  void apply(Entity& e);
  template <class F>
  void change(Entity& e, uint64_t now, F make);
  void recount(uint64_t now);

  GpuShares gpu_;
  std::map<hv::VgpuId, Entity> entities_;
  Set<ByDeadline> eligible_;
  Set<ByStart> later_;
  Set<ByRelease> throttled_;
  Entity* current_ = nullptr;
  Virtual clock_ = 0;        ///< the engine's
  uint64_t weights_ = 0;     ///< of the eligible, the later and the current
  uint64_t present_ = 0;     ///< vGPUs not paused
  bool running_ = false;     ///< the current one is on the engine
  uint64_t charged_to_ = 0;  ///< up to when
  uint64_t slice_start_ns_ = 0, slice_end_ns_ = 0, cap_end_ns_ = UINT64_MAX;
  uint64_t told_ns_ = UINT64_MAX;
  uint64_t used_ns_ = 0, orders_ = 0;
};

}  // namespace mediator
