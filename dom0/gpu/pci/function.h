// SPDX-License-Identifier: MIT
// A PCI function through sysfs: found, claimed, and given back as it was.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dom0/daemon/fd.h"
#include "dom0/gpu/pci/keeper.h"
#include "hv/result.h"

namespace gpu::pci {

struct FunctionInfo {
  struct Bar {
    uint64_t address = 0, bytes = 0;
  };
  std::string address;  ///< "0000:00:02.0"
  uint16_t vendor = 0, device = 0;
  uint8_t revision = 0;
  std::string driver;  ///< empty if no kernel driver holds it
  std::array<Bar, 6> bars;
};

/// Where the kernel's files are; a test has its own.
struct Places {
  std::string root = "/";
  [[nodiscard]] std::string devices() const { return root + "sys/bus/pci/devices/"; }
  [[nodiscard]] std::string file(const std::string& address, const std::string& name) const {
    return devices() + address + "/" + name;
  }
  [[nodiscard]] std::string locks() const { return root + "run/xengvt/"; }
};

/// Every display function of Intel's on this host, by address.
std::vector<FunctionInfo> list_gpus(const Places& places);
/// The GPU of that address, or the only one there is if it is empty. Refuses those that the driver
/// does not know, that a kernel driver or a boot framebuffer holds, whose BARs are not assigned,
/// and kernels that lock hardware away.
hv::Result<FunctionInfo, Problem> choose_gpu(const Places& places, const std::string& address);

/// What of a function the host driver uses.
class Function {
 public:
  /// Takes the function: nobody else of ours can meanwhile. Enabled, in D0, without bus mastering.
  static hv::Result<std::unique_ptr<Function>, Problem> claim(const Places& places,
                                                              const FunctionInfo& info);
  /// Bus mastering off, reset, and enabled only if it was.
  ~Function();
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;

  [[nodiscard]] const FunctionInfo& info() const { return info_; }
  /// Mapped BARs; empty if the function has none.
  [[nodiscard]] std::span<std::byte> bar(unsigned number) { return bars_[number]; }
  /// All ones where the function does not answer.
  [[nodiscard]] uint32_t config(unsigned offset, unsigned bytes = 4) const;
  bool write_config(unsigned offset, unsigned bytes, uint32_t value);
  /// Whether the function may reach memory by itself.
  bool set_bus_master(bool on);
  /// Whether it may assert its interrupt line. Off from the start.
  bool set_line(bool on);
  /// Function-level reset. False if the kernel has no way to, or it failed.
  bool reset();
  /// What stops the function when this process is killed; before it may reach memory. Guests may
  /// get at `bytes` graphics addresses from `shown` on, through BAR 2; whole pages.
  [[nodiscard]] hv::Result<std::unique_ptr<Keeper>, Problem> keep(uint64_t shown = 0,
                                                                  uint64_t bytes = 0);
  /// The function left the bus.
  [[nodiscard]] bool vanished() const { return config(0, 2) == 0xffff; }

 private:
  Function(const Places& places, const FunctionInfo& info) : places_(places), info_(info) {}
  hv::Result<void, Problem> open();
  hv::Result<void, Problem> map(unsigned number);
  bool write_file(const std::string& name, const std::string& text) const;

  Places places_;
  FunctionInfo info_;
  xengvtd::Fd lock_, config_, reset_;
  bool enabled_by_us_ = false;
  std::array<std::span<std::byte>, 6> bars_{};
};

}  // namespace gpu::pci
