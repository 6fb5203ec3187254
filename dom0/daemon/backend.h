// SPDX-License-Identifier: MIT
// Where guests come from: stock Xen, or (for tests) this process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dom0/daemon/config.h"
#include "dom0/daemon/cpu_port.h"
#include "dom0/daemon/gpu_unit.h"
#include "dom0/daemon/wall_clock.h"
#include "dom0/gpu/model/model.h"
#include "hv/domain.h"
#include "hv/local/machine.h"
#include "hv/result.h"
#include "hv/xen/record.h"

namespace xengvtd {

/// Why something cannot be done, and what the owner can do about it.
struct Problem {
  std::string cause, cure;
};

/// One guest as the service runs it. All calls with the GPU's lock held.
class BackendGuest {
 public:
  virtual ~BackendGuest() = default;
  virtual hv::Domain& domain() = 0;
  /// From now on the guest's accesses reach `handler`. Once.
  virtual hv::Result<void, Problem> go_live(hv::TrapHandler& handler) = 0;
  /// Answers no more accesses; called before the vGPU goes away.
  virtual void quiesce() {}
  /// Readable when dispatch() has something to do; -1 if there is none.
  [[nodiscard]] virtual int event_fd() const { return -1; }
  /// Whether dispatch() may have something to do; cheaper than to ask event_fd().
  [[nodiscard]] virtual bool asks() const { return true; }
  /// When dispatch() is wanted without an event, by the wall clock; UINT64_MAX for never.
  [[nodiscard]] virtual uint64_t wake_ns() const { return UINT64_MAX; }
  /// Delivers what the guest did, until `enough` says so after an access; the rest stays for the
  /// next call. False: the guest is gone or broken beyond help.
  virtual bool dispatch(const std::function<bool()>& enough) = 0;
  /// Whether registers are read without traps where they can be. False: cannot be changed.
  virtual bool allow_direct_reads(bool on) { return (void)on, false; }

  /// About once a second, for what is seen only by looking.
  virtual void tick(uint64_t now_ns) { (void)now_ns; }
  /// What another process needs to take the guest over; nothing if that cannot be.
  [[nodiscard]] virtual std::optional<hv::xen::Record> record() const { return {}; }
  /// Counts what makes record() or the configuration space another.
  [[nodiscard]] virtual uint64_t changes() const { return 0; }
  /// After Backend::adopt and before there is a vGPU: the registers that were left, which are zero
  /// from then on. The guest stands still until go_live().
  virtual std::vector<std::byte> take_registers() { return {}; }
  /// The guest stands still from here on; whoever adopts it lets it run again.
  virtual void hold() {}
  /// Lets go and changes nothing, for who adopts the guest.
  virtual void leave() {}

  /// Traps by kind so far.
  [[nodiscard]] virtual hv::local::TrapCounts counts() const = 0;
};

class Backend {
 public:
  /// The hypervisor's CPU scheduler; nullptr where there is none to follow.
  virtual CpuPort* cpu() { return nullptr; }
  virtual ~Backend() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  /// Whether a guest's page that is unprotected stops trapping also in a run of writes into it.
  [[nodiscard]] virtual bool releases_at_once() const { return true; }
  /// The memory a modelled GPU reaches.
  virtual gpu::model::DmaBus& bus() = 0;
  /// The GPU that the configuration names, before the first guest. Unless the back end knows of
  /// others, the model. `interrupt` may come from any thread.
  virtual hv::Result<std::unique_ptr<GpuUnit>, Problem> make_gpu(const Config& config,
                                                                 WallClock& clock,
                                                                 std::function<void()> interrupt);
  /// The number and name of a domain given by either.
  struct Identity {
    hv::DomId id;
    std::string name;
  };
  virtual hv::Result<Identity, Problem> identify(const std::string& domain) = 0;
  /// A domain that can be given a vGPU now; refuses with the reason.
  virtual hv::Result<std::unique_ptr<BackendGuest>, Problem> attach(const Identity& who) = 0;
  /// When tick() is wanted, by the wall clock; UINT64_MAX for never.
  [[nodiscard]] virtual uint64_t wake_ns() const { return UINT64_MAX; }
  virtual void tick(uint64_t now_ns) { (void)now_ns; }
  /// Whether the domain of a record is alive still.
  virtual bool is_there(const hv::xen::Record& record) { return (void)record, false; }
  /// A guest whose process ended, by its record. On failure it is as it was.
  virtual hv::Result<std::unique_ptr<BackendGuest>, Problem> adopt(const Identity& who,
                                                                   const hv::xen::Record& record) {
    (void)record;
    return Problem{"domain " + who.name + " cannot be taken over", "destroy it"};
  }
  /// Readable when some domain died; -1 if that is never told.
  [[nodiscard]] virtual int event_fd() const { return -1; }
  /// Takes the event; of these domains, those that are gone.
  virtual std::vector<hv::DomId> gone(const std::vector<hv::DomId>& of) {
    return (void)of, std::vector<hv::DomId>{};
  }
};

}  // namespace xengvtd
