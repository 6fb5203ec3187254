// SPDX-License-Identifier: MIT
// Power wells, PLLs and other registers whose state follows their request at once.
#include "mediator/device_model.h"
#include "mediator/display.h"
#include "mediator/display_regs.h"
#include "mediator/mmio_write.h"

namespace mediator {
namespace {

constexpr uint32_t kLcpll1 = 0x46010, kLcpll2 = 0x46014, kWrpll1 = 0x46040, kWrpll2 = 0x46060;
constexpr uint32_t kEnable = hv::bit(31), kLock = hv::bit(30);
constexpr uint32_t kWellRequests = 0xa00002aa;  // bits 31, 29, 9, 7, 5, 3, 1

constexpr uint32_t kSbiAddress = 0xc6000, kSbiData = 0xc6004, kSbiControl = 0xc6008;
constexpr uint32_t kSbiBusy = hv::bit(0), kSbiFailed = hv::bit(1), kSbiMphy = hv::bit(16);
using SbiOpcode = hv::Field32<15, 8>;
constexpr uint32_t kIoRead = 2, kIoWrite = 3, kConfigRead = 6, kConfigWrite = 7;

}  // namespace

void Display::write_state_after_request(const RegisterWrite& w, uint32_t request, uint32_t state) {
  const uint32_t rest = w.merged() & ~state;
  regs_.set(w.offset, rest & request ? rest | state : rest);
}

void Display::write_power_well(const RegisterWrite& w) {
  const uint32_t requests = w.merged() & kWellRequests;
  regs_.set(w.offset, requests | requests >> 1);
}

void Display::write_pll(const RegisterWrite& w) {
  // The two WRPLL registers keep what is written; the LCPLLs know enable and lock only.
  if (w.offset == kWrpll1 || w.offset == kWrpll2)
    regs_.set(w.offset, w.merged());
  else
    regs_.set(w.offset, w.merged() & kEnable ? kEnable | kLock : 0);
  uint32_t status = 0, lock = 1;
  for (uint32_t pll : {kLcpll1, kLcpll2, kWrpll1, kWrpll2}) {
    if (regs_.get(pll) & kEnable) status |= lock;
    lock <<= 8;
  }
  regs_.set(reg::kDpllStatus, status);
}

void Display::write_panel_power(const RegisterWrite& w) {
  constexpr uint32_t kStatus = 0xc7200, kPowerOn = hv::bit(0), kIsOn = hv::bit(31), kOnIdle = 8;
  regs_.set(w.offset, w.merged());
  regs_.set(kStatus, w.merged() & kPowerOn ? kIsOn | kOnIdle : 0);
}

/// A read gives what was last written to that address, or 0.
void Display::write_sideband(const RegisterWrite& w) {
  const uint32_t control = w.merged();
  regs_.set(kSbiControl, control & ~(kSbiBusy | kSbiFailed));
  if ((control & kSbiBusy) == 0) return;
  const uint32_t opcode = SbiOpcode::get(control);
  const bool read = opcode == kConfigRead || opcode == kIoRead;
  if (!read && opcode != kConfigWrite && opcode != kIoWrite) return;
  const uint32_t key = (regs_.get(kSbiAddress) & 0xffff0000) | (control & kSbiMphy ? 1 : 0);
  uint32_t at = 0;
  while (at < sideband_used_ && sideband_[at].first != key) ++at;
  if (read) return regs_.set(kSbiData, at < sideband_used_ ? sideband_[at].second : 0);
  if (at == sideband_used_) {
    at = sideband_next_;
    sideband_next_ = static_cast<uint32_t>((sideband_next_ + 1) % sideband_.size());
    if (sideband_used_ < sideband_.size()) ++sideband_used_;
  }
  sideband_[at] = {key, regs_.get(kSbiData)};
}

}  // namespace mediator
