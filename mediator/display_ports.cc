// SPDX-License-Identifier: MIT
// Ports: DDI buffers, link training, AUX channels, and the monitor on port D.
#include <algorithm>

#include "mediator/device_model.h"
#include "mediator/display.h"
#include "mediator/mmio_write.h"

namespace mediator {
namespace {

constexpr uint32_t kPortD = 3, kGmbusPinPortD = 6;
constexpr uint32_t kPchIsr = 0xc4000, kShotplug = 0xc4030;
constexpr uint32_t kHotplugD = hv::bit(23), kLongPulseD = 2u << 16;

// AUX_CTL.
constexpr uint32_t kSendBusy = hv::bit(31), kDone = hv::bit(30), kInterrupt = hv::bit(29);
constexpr uint32_t kTimeOut = hv::bit(28), kReceiveError = hv::bit(25);
using MessageSize = hv::Field32<24, 20>;
constexpr uint32_t kAuxStatus = kDone | kTimeOut | kReceiveError;
constexpr uint32_t kAuxEvents[] = {hv::bit(0), hv::bit(25), hv::bit(26), hv::bit(27), 0};

uint32_t port_at(uint32_t offset) { return offset >> 8 & 0xf; }

}  // namespace

void Display::connect_monitor() {
  const bool hdmi = config_.monitor == MonitorLink::hdmi;
  gmbus_.connect(plugged_ && hdmi ? kGmbusPinPortD : 0);
  const uint32_t isr = regs_.get(kPchIsr) & ~kHotplugD;
  regs_.set(kPchIsr, plugged_ ? isr | kHotplugD : isr);
}

void Display::plug(bool in) {
  if (in == plugged_) return;
  plugged_ = in;
  if (!in) aux_.reset();
  connect_monitor();
  regs_.set(kShotplug, kLongPulseD);
  interrupts_.pch_event(kHotplugD);
}

void Display::write_ddi_buf(const RegisterWrite& w) {
  constexpr uint32_t kEnable = hv::bit(31), kIdle = hv::bit(7);
  const uint32_t rest = w.merged() & ~kIdle;
  regs_.set(w.offset, rest & kEnable ? rest : rest | kIdle);
}

void Display::write_dp_tp_ctl(const RegisterWrite& w) {
  constexpr uint32_t kEnable = hv::bit(31), kAutoTrain = hv::bit(15), kSendIdle = 2;
  constexpr uint32_t kIdleDone = hv::bit(25), kAutoTrainDone = hv::bit(12);
  using Training = hv::Field32<10, 8>;
  const uint32_t control = w.merged(), status = w.offset + 4;
  regs_.set(w.offset, control);
  if ((control & kEnable) == 0) return;
  if (Training::get(control) == kSendIdle) regs_.set(status, regs_.get(status) | kIdleDone);
  if (control & kAutoTrain) regs_.set(status, regs_.get(status) | kAutoTrainDone);
}

void Display::write_aux(const RegisterWrite& w) {
  const uint32_t port = port_at(w.offset);
  const uint32_t settings = w.merged() & ~(kSendBusy | kAuxStatus);
  if ((w.value & kSendBusy) == 0) {
    // Status bits go away when written as one.
    return regs_.set(w.offset, settings | (w.old & kAuxStatus & ~w.value));
  }
  const uint32_t result = aux_exchange(port, MessageSize::get(w.merged()));
  regs_.set(w.offset, (settings & ~MessageSize::mask) | result);
  if (settings & kInterrupt) interrupts_.port_event(kAuxEvents[port]);
}

/// Sends the `bytes` in the data registers (most significant byte first) and puts the reply there.
/// Returns the status and size bits.
uint32_t Display::aux_exchange(uint32_t port, unsigned bytes) {
  const bool answers = port == kPortD && plugged_ && config_.monitor == MonitorLink::display_port;
  if (!answers || bytes > DpAux::kMaxMessage) return kDone | kTimeOut;
  const uint32_t data = 0x64014 + 0x100 * port;
  DpAux::Reply message{};
  for (unsigned i = 0; i < message.size(); ++i)
    message[i] = static_cast<uint8_t>(regs_.get(data + i / 4 * 4) >> (24 - 8 * (i % 4)));
  DpAux::Reply reply{};
  const unsigned length = aux_.transact(std::span(message).first(bytes), reply);
  if (length == 0) return kDone | kTimeOut;
  for (unsigned i = 0; i < reply.size(); i += 4)
    regs_.set(data + i, uint32_t{reply[i]} << 24 | uint32_t{reply[i + 1]} << 16 |
                            uint32_t{reply[i + 2]} << 8 | reply[i + 3]);
  return MessageSize::set(kDone, length);
}

}  // namespace mediator
