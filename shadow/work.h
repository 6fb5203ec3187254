// SPDX-License-Identifier: MIT
// What a guest makes the mediator do, in nanoseconds of its time, and how much of that it may.
//
// By stated costs and not by a clock: the same calls give the same answers. What is over the budget
// stops where it can be taken up again, and its vGPU waits until enough is paid off: see
// docs/THREAT-MODEL.md.
#pragma once

#include <algorithm>
#include <cstdint>

namespace shadow {

/// Stated costs, in nanoseconds.
namespace cost {
inline constexpr uint64_t kTable = 2'000;      ///< a shadow table made or taken apart
inline constexpr uint64_t kTablePage = 500;    ///< a page of entries read and compared
inline constexpr uint64_t kEntry = 50;         ///< an entry that names another page
inline constexpr uint64_t kDword = 2;          ///< of a command stream, copied and audited
inline constexpr uint64_t kOperand = 150;      ///< a GGTT operand put elsewhere
inline constexpr uint64_t kRegister = 30;      ///< a register loaded by a command
inline constexpr uint64_t kCopyPage = 1'000;   ///< a page of host-owned memory made and filled
inline constexpr uint64_t kImagePage = 4'000;  ///< a page of a context image known by its digest
inline constexpr uint64_t kReset = 100'000;    ///< an engine's reset, the GPU's included
}  // namespace cost

/// The account of one vGPU.
class Work {
 public:
  struct Limits {
    uint64_t burst_ns = 8'000'000;   ///< so much at once; then it waits
    uint64_t resume_ns = 2'000'000;  ///< until no more than this is left
    uint64_t pays = 2;               ///< of so many nanoseconds that pass, one is paid off
  };
  Work() = default;
  explicit Work(const Limits& limits) : limits_(limits) {}

  void charge(uint64_t ns) {
    debt_ns_ += ns;
    total_ns_ += ns;
    most_ns_ = std::max(most_ns_, debt_ns_);
    over_ = over_ || spent();
  }
  /// Long work stops here.
  [[nodiscard]] bool spent() const { return debt_ns_ >= limits_.burst_ns; }
  /// What may fail for ever stops here, so that the rest is done at all.
  [[nodiscard]] bool scarce() const { return debt_ns_ >= limits_.burst_ns / 2; }
  /// Pays off what the time since the last call is good for.
  void settle(uint64_t now) {
    debt_ns_ = owed(now);
    settled_ns_ = std::max(settled_ns_, now);
    over_ = over_ && debt_ns_ > limits_.resume_ns;
  }
  /// When its vGPU may go on: `now` or before if at once.
  [[nodiscard]] uint64_t ready_ns(uint64_t now) const {
    const uint64_t debt = owed(now);
    return over_ && debt > limits_.resume_ns ? now + (debt - limits_.resume_ns) * limits_.pays : 0;
  }
  /// As ready_ns, of the last time that settle() was told.
  [[nodiscard]] uint64_t ready_ns() const { return ready_ns(settled_ns_); }
  [[nodiscard]] uint64_t total_ns() const { return total_ns_; }
  [[nodiscard]] uint64_t debt_ns() const { return debt_ns_; }
  /// The most it ever owed.
  [[nodiscard]] uint64_t most_ns() const { return most_ns_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }

 private:
  [[nodiscard]] uint64_t owed(uint64_t now) const {
    const uint64_t passed = now - std::min(now, settled_ns_);
    return debt_ns_ - std::min(debt_ns_, passed / limits_.pays);
  }
  Limits limits_;
  uint64_t debt_ns_ = 0, total_ns_ = 0, most_ns_ = 0, settled_ns_ = 0;
  bool over_ = false;  ///< it was spent, and not enough has been paid since
};

}  // namespace shadow
