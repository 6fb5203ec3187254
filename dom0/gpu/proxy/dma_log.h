// SPDX-License-Identifier: MIT
// The evidence of isolation: every memory access of the modelled GPU, by context and frame, with
// the frame's owner as somebody else than the mediator knows it.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <unordered_map>
#include <vector>

#include "dom0/gpu/model/model.h"

namespace gpu::proxy {

/// Whose a machine frame is.
struct Owner {
  enum class Kind : uint8_t {
    unknown,     ///< nobody could be asked
    domain,      ///< `domain` has it
    hypervisor,  ///< Xen's own, or nobody's: nothing a GPU may reach
  } kind{};
  uint16_t domain = 0;
  friend bool operator==(Owner, Owner) = default;
};

class Owners {
 public:
  virtual ~Owners() = default;
  virtual Owner owner_of(hv::BusFrame frame) = 0;
  /// Accesses are about to begin: what takes long is better done now.
  virtual void prepare() {}
};

/// The machine's memory map, for accesses that no RAM answers.
class RamMap {
 public:
  virtual ~RamMap() = default;
  virtual bool is_ram(hv::BusFrame frame) = 0;
};

/// A context may reach dom0's frames (all that the mediator made for it) and those of one guest.
class DmaLog final : public model::DmaObserver {
 public:
  DmaLog(RamMap& ram, Owners& owners, std::ostream& out) : ram_(ram), owners_(owners), out_(out) {}

  void on_access(const model::DmaAccess& access) override;
  /// A CPU reached a frame through the aperture; `fence` is the register over the place, or 0.
  /// Under a fence are guests' frames alone, and those of one guest.
  void on_aperture(uint64_t fence, hv::BusFrame frame);
  /// What is under a fence may be another guest's from now on.
  void fences_changed() { guest_under_.clear(); }
  /// A line in the log: what the test does next.
  void mark(uint32_t number);
  /// Every context, frame and kind of access since the last time, one line each, and the sums.
  void write();

  [[nodiscard]] uint64_t accesses() const { return accesses_; }
  /// Accesses checked against an owner that is known.
  [[nodiscard]] uint64_t checked() const { return checked_; }
  [[nodiscard]] uint64_t violations() const { return violations_; }
  /// The same of those through the aperture.
  [[nodiscard]] uint64_t aperture_checked() const { return aperture_checked_; }
  /// Accesses that met no RAM.
  [[nodiscard]] uint64_t refused() const { return refused_; }

 private:
  static constexpr uint64_t kMaxDescribed = 200;
  static constexpr size_t kMaxRows = 1u << 20;
  struct Key {
    uint64_t frame;
    uint32_t lrca;
    uint8_t engine, purpose;
    bool write;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Row {
    Owner owner;
    uint64_t accesses = 0;
  };
  void complain(const model::DmaAccess& access, const std::string& why, uint64_t& counter);
  /// The guest this run of the context belongs to: the first whose frame it reached.
  void check(const model::DmaAccess& access, Owner owner);

  RamMap& ram_;
  Owners& owners_;
  std::ostream& out_;
  std::map<Key, Row> rows_;
  std::unordered_map<uint32_t, uint16_t> guest_of_;     ///< by context (LRCA)
  std::unordered_map<uint64_t, uint16_t> guest_under_;  ///< by fence
  uint64_t aperture_checked_ = 0;
  uint64_t accesses_ = 0, checked_ = 0, violations_ = 0, refused_ = 0, described_ = 0;
};

}  // namespace gpu::proxy
