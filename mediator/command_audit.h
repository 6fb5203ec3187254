// SPDX-License-Identifier: MIT
// What the scanner does with one command that needs a look: checks it by the rules of its stream
// and patches it in the copy. Part of the scanner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mediator/scanner.h"

namespace mediator {

inline constexpr uint32_t kBatchBufferEnd = 0x0au << 23;

/// What came of one command.
struct Verdict {
  Reject reason = Reject::none;
  uint32_t detail = 0;
  bool ends = false;     ///< the stream does not go on after this command
  bool chained = false;  ///< because another batch takes over
};

class CommandAudit {
 public:
  CommandAudit(const ScanRequest& request, ScanHost& host) : request_(request), host_(host) {}

  /// The command of `dwords` dwords at `at` of the copy; all of it is there.
  Verdict check(const gen9::CommandDesc& desc, std::span<uint32_t> copy, size_t at,
                unsigned dwords);
  /// Changes a dword of the copy, telling the owner.
  void replace(std::span<uint32_t> copy, size_t at, uint32_t value);
  [[nodiscard]] bool saw_user_interrupt() const { return user_interrupt_; }
  [[nodiscard]] bool arbitration_off() const { return arbitration_off_; }

 private:
  [[nodiscard]] bool user() const { return request_.rules != Rules::privileged; }
  void set(unsigned dword, uint32_t value) { replace(copy_, at_ + dword, value); }
  [[nodiscard]] uint64_t address(unsigned dword) const;

  Verdict by_id();
  Verdict addresses();
  Verdict operand(const gen9::AddressOperand& a, unsigned bytes);
  Verdict batch_start();
  Verdict batch_end() const;
  void clear_add_base(uint32_t bits);
  Verdict load_immediate();
  Verdict write_register(unsigned dword, unsigned value_dword);
  Verdict memory_register(bool load);
  Verdict register_register();
  Verdict math() const;
  Verdict pipe_control();
  Verdict flush();
  Verdict post_sync(bool indexed);
  Verdict atomic();
  Verdict store_immediate();
  Verdict store_index();
  Verdict semaphore_wait();
  Verdict emulate();
  void allow_arbitration();

  const ScanRequest& request_;
  ScanHost& host_;
  bool user_interrupt_ = false, arbitration_off_ = false;
  // The command being looked at.
  const gen9::CommandDesc* desc_ = nullptr;
  std::span<uint32_t> copy_, cmd_;
  size_t at_ = 0;
};

}  // namespace mediator
