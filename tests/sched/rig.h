// SPDX-License-Identifier: MIT
// Guests on one modelled GPU in virtual time plus the mediator's measured time: through the
// mediator (Rig), and one guest without it (Alone).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dom0/embedded/machine_bus.h"
#include "dom0/gpu/driver/driver.h"
#include "dom0/guests/native_port.h"
#include "dom0/guests/trap_port.h"
#include "hv/local/machine.h"
#include "mediator/mediator.h"
#include "tests/sched/watch.h"

namespace sched {

struct RigConfig {
  mediator::GpuShares gpu;
  uint64_t window_ns = 100 * kMs;  ///< of what is seen
};

class Rig {
 public:
  explicit Rig(const RigConfig& config);
  ~Rig();
  std::string start();
  /// A guest, booted, its batches ready; it begins with `begin`.
  std::string add(const Plan& plan, const mediator::Share& share);
  /// All begin at the next whole second, and run for so long. Guests that have a number of requests
  /// to do end it sooner.
  void run(uint64_t ns);

  [[nodiscard]] mediator::Mediator& mediator() { return *mediator_; }
  [[nodiscard]] const Occupancy& seen() const { return seen_; }
  [[nodiscard]] const WorkLog& work() const { return work_; }
  [[nodiscard]] Client& client(size_t i);
  [[nodiscard]] hv::VgpuId vgpu(size_t i) const;
  [[nodiscard]] size_t guests() const { return guests_.size(); }
  /// When the run began, and how many nanoseconds it took.
  [[nodiscard]] uint64_t began_ns() const { return began_ns_; }
  [[nodiscard]] uint64_t ran_ns() const { return ran_ns_; }
  /// Engine time of a guest over the whole run.
  [[nodiscard]] uint64_t given(size_t i) const;
  [[nodiscard]] uint64_t mediator_ns() const { return time_.mediator_ns(); }
  /// Engine resets that guests asked for: none is expected but of those that hang.
  [[nodiscard]] uint64_t resets();

 private:
  struct Guest;
  bool serve();
  void step(uint64_t until);
  hv::VgpuId owner(uint32_t lrca) const;

  RigConfig config_;
  bench::CoTime time_;
  hv::local::Machine machine_;
  embedded::MachineBus bus_;
  gpu::model::Model model_;
  bench::CoDevice device_;
  gpu::Driver driver_;
  bench::CoGpu co_;
  Occupancy seen_;
  WatchedGpu gpu_;
  WorkLog work_;
  std::vector<std::unique_ptr<Guest>> guests_;
  std::unique_ptr<mediator::Mediator> mediator_;
  uint64_t began_ns_ = 0, ran_ns_ = 0;
};

/// One guest that has the GPU to itself, without a mediator.
class Alone {
 public:
  explicit Alone(const Plan& plan);
  std::string start();
  void run(uint64_t ns);
  [[nodiscard]] Client& client() { return client_; }
  [[nodiscard]] const WorkLog& work() const { return work_; }
  [[nodiscard]] uint64_t ran_ns() const { return ran_ns_; }

 private:
  void step(uint64_t until);
  guests::FlatMemory memory_;
  gpu::model::Model model_;
  guests::NativePort port_;
  WorkLog work_;
  Client client_;
  uint64_t ran_ns_ = 0;
};

}  // namespace sched
