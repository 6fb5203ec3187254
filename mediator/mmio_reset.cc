// SPDX-License-Identifier: MIT
// Power-on values of the registers, for the whole device, the GT or one engine.
#include <algorithm>

#include "mediator/device_model_impl.h"
#include "mediator/pvinfo.h"

namespace mediator {
namespace {

void reset_row(RegisterFile& regs, const RegisterDesc& d) {
  for (uint32_t at = d.offset; at < d.offset + d.bytes; at += 4) regs.set(at, d.reset);
}

}  // namespace

/// `zeroed`: the pages are fresh, so only what is not zero need be written.
void DeviceModel::Impl::reset_registers(bool full, bool zeroed) {
  const uint32_t end = full ? static_cast<uint32_t>(gen9::kMmioBytes) : kGtResetEnd;
  if (!zeroed) std::fill_n(regs.bytes().begin(), end, std::byte{0});
  for (const RegisterDesc& d : rows) {
    if (d.offset >= end) break;
    if (d.reset != 0) reset_row(regs, d);
  }
  for (const RegisterValue& r : sink.host_values())
    if (r.offset < end) regs.set(r.offset, r.value);
  write_fuses(regs, config.device_id);
  regs.set(gen9::kForcewakeBlitterAck, 0);
  if (!full) return;
  pvinfo::fill(regs, config);
  display.reset();
}

/// Where the ring was and what it did; settings outlive an engine reset.
void DeviceModel::Impl::reset_engine(gen9::EngineId engine) {
  using namespace gen9::rel;
  for (uint32_t rel :
       {kRingTail, kRingHead, kRingStart, kRingCtl, kResetCtl, kActhd, kActhdUdw, kInstdone, kEir,
        kEsr, kExeclistStatusLo, kExeclistStatusHi, kCsbPtr, kCsb}) {
    const RegisterDesc* d = find_register(gen9::engine_reg(engine, rel));
    if (d != nullptr) reset_row(regs, *d);
  }
}

}  // namespace mediator
