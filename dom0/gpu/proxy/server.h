// SPDX-License-Identifier: MIT
// The modelled GPU as a PCI function of an emulated machine: answers the proxy device's messages,
// each within one step of the model, and has the model work at the pace of the clock in between.
// One thread does both: an access of a BAR that waited for another thread to be scheduled would
// take a hundred times as long.
#pragma once

#include <memory>
#include <optional>
#include <ostream>

#include "dom0/daemon/pacer.h"
#include "dom0/daemon/wall_clock.h"
#include "dom0/gpu/proxy/config_space.h"
#include "dom0/gpu/proxy/dma_log.h"
#include "dom0/gpu/proxy/faults.h"
#include "dom0/gpu/proxy/machine_ram.h"

namespace gpu::proxy {

struct ServerConfig {
  model::Config gpu;
  unsigned gtt_mib = 8;     ///< 2, 4 or 8, as firmware chooses
  double time_scale = 1.0;  ///< modelled time per wall time
  uint32_t step_us = 50;    ///< longest that an answer waits for the model
};

/// How often the function was asked for what.
struct ServerCounts {
  uint64_t register_reads = 0, register_writes = 0, ggtt_writes = 0, ggtt_reads = 0;
  uint64_t aperture_reads = 0, aperture_writes = 0, config_accesses = 0, resets = 0;
  uint64_t register_looks =
      0;                     ///< reads of what a driver looks at now and then, on its own account
  uint64_t dma_blocked = 0;  ///< memory accesses while the function was no bus master
  uint64_t longest_answer_ns = 0;
};

class Server {
 public:
  /// `owners` says whose frames are, for the log; asked with the RAM map in place.
  Server(int socket, const ServerConfig& config, MachineRam& ram, Owners& owners,
         std::ostream& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves until the machine is gone (ok), or says what it did wrong.
  hv::Status run();
  /// One message; what receive() says, or gone if the answer could not be sent.
  hv::Status step();
  /// Writes what the GPU did and was asked into the log.
  void report();
  [[nodiscard]] const ServerCounts& counts() const { return counts_; }
  [[nodiscard]] DmaLog& dma() { return dma_; }

 private:
  struct Gpu;
  struct SharedRam final : RamMap {
    explicit SharedRam(MachineRam& r) : ram(r) {}
    bool is_ram(hv::BusFrame frame) override { return ram.contains(frame); }
    MachineRam& ram;
  };
  /// The way to memory: none while the function is no bus master.
  class Master final : public model::DmaBus, public model::DmaObserver {
   public:
    explicit Master(Server& s) : server_(s) {}
    std::byte* page(hv::BusFrame frame) override;
    hv::Result<DmaPage> alloc() override { return hv::Error::not_supported; }
    void free(hv::BusFrame) override {}
    void on_access(const model::DmaAccess& access) override;

   private:
    Server& server_;
  };
  /// The value of a reply, or nothing for what is not answered.
  std::optional<uint64_t> answer(Message& message);
  uint64_t bar_read(const BarAccess& a);
  void bar_write(const BarAccess& a);
  /// Whose frame an access to the aperture reaches.
  void check_aperture(uint64_t offset);
  uint32_t read_dword(uint64_t offset);
  void write_dword(uint64_t offset, uint32_t value);
  void test_register(unsigned offset, uint32_t value);
  void power_on();
  void tick();
  /// One step of the model. When the next is due, by the clock.
  uint64_t work();
  /// Waits for a message, at most until `due`. False if there is none.
  [[nodiscard]] bool wait(uint64_t due);

  const int socket_;
  const ServerConfig config_;
  std::ostream& log_;
  MachineRam& ram_;
  SharedRam shared_;
  Owners& owners_;
  DmaLog dma_;
  Master master_{*this};
  ConfigSpace space_;
  ServerCounts counts_;
  xengvtd::WallClock clock_;
  std::unique_ptr<Gpu> gpu_;
  bool reset_wanted_ = false;
};

}  // namespace gpu::proxy
