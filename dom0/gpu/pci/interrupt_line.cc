// SPDX-License-Identifier: MIT
#include "dom0/gpu/pci/interrupt_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

namespace gpu::pci {

std::unique_ptr<InterruptLine> InterruptLine::open(const Places& places, Function& function) {
  if (function.info().driver != kLineDriver) return nullptr;
  std::error_code e;
  for (const auto& entry :
       std::filesystem::directory_iterator(places.file(function.info().address, "uio"), e)) {
    const std::string path = places.root + "dev/" + entry.path().filename().string();
    xengvtd::Fd file(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (file) return std::unique_ptr<InterruptLine>(new InterruptLine(function, std::move(file)));
  }
  return nullptr;
}

bool InterruptLine::take() {
  uint32_t count;  // of all interrupts so far
  bool any = false;
  while (::read(file_.get(), &count, sizeof count) == sizeof count) any = true;
  if (any && state_ == State::on) state_ = State::off;
  return any;
}

void InterruptLine::switch_on() {
  if (state_ == State::off && function_.set_line(true)) state_ = State::on;
}

void InterruptLine::give_up() {
  state_ = State::given_up;
  function_.set_line(false);
}

}  // namespace gpu::pci
