// SPDX-License-Identifier: MIT
// Shadow logical ring contexts: host-owned context image and ring that stand for a guest's context.
//
// The shadow ring mirrors the guest's ring at the same offsets, so head and tail mean the same on
// both sides. While a context is in progress its shadow is authoritative; once it ran to its tail
// the image is copied back and the guest's is.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "mediator/batch_shadow.h"
#include "mediator/context_owners.h"
#include "mediator/saved_pages.h"
#include "mediator/shadow_env.h"

namespace mediator {

/// Contexts of one vGPU kept shadowed at once; the least recently used idle one makes room.
inline constexpr size_t kMaxContexts = 64;

struct ShadowContext {
  gen9::EngineId engine{};
  uint64_t guest_lrca = 0;
  uint32_t guest_id = 0;  ///< context id of the guest's descriptor
  uint32_t host_id = 0;   ///< unique in the mediator; context id of ours: see owner_of_host_id
  bool addressing_64 = true;

  shadow::HostObject image, ring;
  OwnedContext known_as;                 ///< the image's address, for who asks whose it is
  shadow::HostObject restore;            ///< the indirect-context batch
  std::vector<uint32_t> restore_stream;  ///< as it stands there
  std::optional<shadow::RootId> root;
  uint64_t pml4 = 0;
  std::unique_ptr<shadow::PpgttSet::View> view;
  BatchCopies batches;      ///< of the submission in progress
  BatchCopies workarounds;  ///< per-context batches
  uint64_t ring_start = 0;  ///< guest GGTT
  uint32_t ring_bytes = 0;

  uint32_t head = 0;         ///< as loaded or last saved
  uint32_t tail_wanted = 0;  ///< the guest's, at its last ELSP write
  uint32_t tail_ready = 0;   ///< shadow ring is audited up to here
  uint32_t tail_on_gpu = 0;  ///< what the GPU was last given
  bool in_progress = false;  ///< the shadow is ahead of the guest's image
  bool on_gpu = false;
  bool user_interrupt = false;  ///< what is ready ends in MI_USER_INTERRUPT
  bool mid_thread = false;      ///< asked for mid-thread GPGPU preemption
  bool space_gone = false;      ///< the guest gave its PPGTT up: let go of it when done
  std::vector<Mark> marks;      ///< what it leaves in registers of the engine, since it was loaded
  void mark(std::span<const Mark> more) {
    for (const Mark& m : more) add_mark(marks, m);
  }
  uint64_t stamp = 0;      ///< in the guest's image since the last copy-back
  uint64_t queued_ns = 0;  ///< time of the ELSP write
  uint64_t last_use = 0;
  std::vector<std::byte> known;  ///< pages 0 and 2.. as guest and shadow both have them
  bool write_all = false;  ///< but for the guest's, until the next copy-back: it began without any
  uint64_t dropped_loads = 0, dropped_pages = 0;  ///< of its images: not loaded

  [[nodiscard]] uint64_t descriptor() const;
  /// The guest moved its tail back inside what is ready. A GPU whose head is past that tail would
  /// run around the whole ring, through what is left of earlier submissions.
  [[nodiscard]] bool tail_taken_back() const {
    return ring_distance(head, tail_wanted) < ring_distance(head, tail_ready);
  }
  /// A guest's head or tail as an offset inside the ring, which may have any number of pages:
  /// Mesa's AUB writer gives all but the first render context odd ones.
  [[nodiscard]] uint32_t ring_offset(uint32_t value) const {
    return ring_bytes == 0 ? 0 : (value & 0x1ffffc) % ring_bytes;
  }
  /// Bytes from one offset forward to another.
  [[nodiscard]] uint32_t ring_distance(uint32_t from, uint32_t to) const {
    return to >= from ? to - from : to + ring_bytes - from;
  }
};

/// All shadow contexts of one vGPU.
class ContextSet {
 public:
  /// `stamps`: a counter shared by all vGPUs, so that no two copy-backs carry the same stamp.
  ContextSet(const ShadowEnv& env, uint64_t& stamps) : env_(env), stamps_(stamps) {}
  ~ContextSet();

  /// Finds or makes the shadow of a guest descriptor's context. `now` orders the LRU.
  hv::Result<ShadowContext*, Reject> get(gen9::EngineId engine, uint64_t descriptor, uint64_t now);
  ShadowContext* find_host(uint32_t host_id);

  /// At an ELSP write: takes the guest's tail of a context in progress (any other is loaded whole).
  void note_tail(ShadowContext& context);
  /// Brings the shadow up to the guest's tail: loads the image if the guest's is newer, copies and
  /// audits the new part of the ring. On a refusal nothing of it runs.
  Refusal prepare(ShadowContext& context);
  /// The last prepare() stopped because the budget is spent: to be called again later.
  [[nodiscard]] bool put_off() const { return put_off_; }
  /// Before the GPU gets it: page tables in sync, tail in the image.
  hv::Status make_current(ShadowContext& context);
  /// After the GPU saved it: takes the head it saved.
  void saved(ShadowContext& context);
  /// Copies the saved image back to the guest. `finished`: the guest's image is then the one that
  /// counts; otherwise the shadow still is (it may stand inside a batch).
  void copy_back(ShadowContext& context, bool finished);
  /// The guest's PPGTT with this PML4 is no more, and its pages are the guest's to use otherwise.
  /// Contexts that are done keep nothing of it; the others until they are.
  void forget_space(uint64_t pml4);
  /// Forgets work in progress on these engines (reset). Contexts at rest stay: their images are the
  /// guest's, and known.
  void drop(gen9::EngineMask engines);
  /// Forgets all contexts, but not what their images looked like.
  void forget();
  /// What the engine's address (ACTHD) is to the guest: where its own ring, or its own PPGTT batch,
  /// stands; for the host's copy of a privileged batch, where in the ring it was started.
  [[nodiscard]] uint64_t guest_address(gen9::EngineId engine, uint64_t address) const;
  /// Gives up the shadows of contexts at rest: another vGPU needs the room.
  void drop_idle();
  [[nodiscard]] bool any_in_progress() const;
  [[nodiscard]] size_t size() const { return contexts_.size(); }
  void encode(std::vector<std::byte>& out) const;

 private:
  using Key = std::pair<gen9::EngineId, uint64_t>;
  Refusal prepare_context(ShadowContext& c);
  bool make_room();
  hv::Result<shadow::HostObject> host_object(shadow::PageUse use, unsigned pages);
  Reject load(ShadowContext& c);
  Reject load_ring(ShadowContext& c, std::span<const uint32_t> state);
  Reject load_ppgtt(ShadowContext& c, std::span<const uint32_t> state);
  Refusal run_in_restore(ShadowContext& c, std::span<uint32_t> state, std::vector<uint32_t> stream);
  Refusal load_workarounds(ShadowContext& c, std::span<uint32_t> state);
  void load_state_pages(ShadowContext& c, bool first);
  void remember_pages(const ShadowContext& c);
  void let_go(ShadowContext& c);
  Refusal prepare_ring(ShadowContext& c);
  bool read_segment(const ShadowContext& c, uint32_t from, uint32_t to, std::span<uint32_t> out);
  void write_segment(ShadowContext& c, uint32_t from, std::span<const uint32_t> segment,
                     const BatchShadow& scan);
  bool wants_view(gen9::EngineId engine) const;
  size_t copy_pages_left() const;
  void release(ShadowContext& c);

  const ShadowEnv env_;
  uint64_t& stamps_;
  uint32_t next_host_id_ = 1;
  hv::BusFrame no_ppgtt_ = hv::kNoFrame;  // PML4 without entries, for contexts that have none
  std::vector<uint32_t> segment_;         // scratch of prepare_ring
  SavedPages saved_pages_;
  const ShadowContext* preparing_ = nullptr;
  bool put_off_ = false;
  std::map<Key, std::unique_ptr<ShadowContext>> contexts_;
};

}  // namespace mediator
