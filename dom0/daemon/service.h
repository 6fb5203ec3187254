// SPDX-License-Identifier: MIT
// The daemon without its socket: the modelled GPU, the mediator and the guests, driven by one file
// descriptor. All calls from one thread; the model works on its own.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dom0/daemon/backend.h"
#include "dom0/daemon/config.h"
#include "dom0/daemon/cpu_hooks.h"
#include "dom0/daemon/fd.h"
#include "dom0/daemon/gpu_unit.h"
#include "dom0/daemon/keep.h"
#include "dom0/daemon/log.h"
#include "dom0/daemon/recordings.h"
#include "dom0/daemon/wall_clock.h"
#include "dom0/gpu/driver/driver.h"
#include "mediator/trace/session.h"

namespace xengvtd {

/// What one vGPU is and did.
struct GuestReport {
  hv::DomId domid;
  VgpuType type;
  bool paused = false;
  bool direct_reads = true;
  uint64_t attached_ns = 0;  ///< by the daemon's clock
  mediator::VgpuStats stats;
  hv::local::TrapCounts traps;
  ShareSettings shares;         ///< as set; what holds stands in stats.share
  std::optional<CpuShare> cpu;  ///< the owner's, if there is one to follow
  bool gives_up = false;        ///< its domain does not run
  bool boosted = false;         ///< its CPU weight is raised
};

struct HostReport {
  std::string backend;
  uint64_t now_ns = 0;  ///< since the daemon started
  std::string gpu;      ///< "model", or which
  uint64_t gpu_ns = 0;  ///< modelled time the engines were busy
  uint64_t lag_ns = 0;  ///< wall time the model was too slow for
  uint64_t longest_step_ns = 0;
  uint64_t bar_accesses = 0, ggtt_writes = 0;  ///< of a GPU on the PCI bus
  uint64_t tiled = 0;                          ///< regions shown through its aperture so far
  gpu::Driver::Counts asked;                   ///< of its engines
  std::string trace;                           ///< the file being recorded; empty if none
  std::map<std::string, uint32_t> in_use;      ///< vGPUs by type
  mediator::GpuShares shares;
  std::string holder;  ///< who has the GPU under exclusive
};

class Service {
 public:
  Service(const Config& config, Backend& backend, WallClock& clock, Log& log);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Brings the GPU up and takes over guests of a daemon that ended. Empty, or one line about what
  /// failed.
  std::string start();
  /// The guests stay as they are for the next daemon: what they want of their vGPUs waits for it.
  /// Only the end may follow.
  void leave();
  /// Readable when pump() has something to do.
  [[nodiscard]] int event_fd() const { return epoll_.get(); }
  void pump();

  using Done = hv::Result<void, Problem>;
  /// `options`: those of a type (fences, resolution, ...) may be lowered here.
  hv::Result<hv::DomId, Problem> attach(const std::string& domain, const std::string& type,
                                        const std::map<std::string, std::string>& options);
  /// The device-model wrapper refused a guest before asking for a vGPU; for the log.
  void note_refusal(const std::string& domain, const Problem& why);
  Done detach(const std::string& domain);
  Done pause(const std::string& domain, bool paused);
  /// Off: the guest's register reads trap too (for comparison).
  Done direct_reads(const std::string& domain, bool on);
  /// Shares of a guest or of the GPU, all or none of the options: see share_options.h; of the GPU
  /// also holder=DOMAIN.
  Done set_shares(const std::string& domain, const Options& options);
  Done set_gpu(const Options& options);
  hv::Result<mediator::Screen, Problem> screenshot(const std::string& domain);
  /// Records everything from here on; only while no guest is attached. With `open` also what the
  /// GPU finds in guests' memory, for open replay.
  Done trace_start(const std::string& path, bool open);
  Done trace_stop();
  /// The same for one guest, from its birth on; good for open replay.
  Done trace_start_guest(const std::string& domain, const std::string& path);
  Done trace_stop_guest(const std::string& domain);

  [[nodiscard]] std::vector<GuestReport> guests();
  hv::Result<GuestReport, Problem> guest(const std::string& domain);
  [[nodiscard]] HostReport host();
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const Log& log() const { return log_; }

 private:
  struct Guest;
  using Guests = std::map<hv::DomId, std::unique_ptr<Guest>>;

  [[nodiscard]] mediator::MediatorConfig mediator_config() const;
  hv::Result<VgpuType, Problem> choose_type(const std::string& name,
                                            const std::map<std::string, std::string>& options);
  hv::Result<Guest*, Problem> find(const std::string& domain);
  hv::Result<hv::DomId, Problem> admit(const Backend::Identity& who, const VgpuType& type);
  void remove(hv::DomId domid, const std::string& why, bool at_once = false);
  void end_guests(bool at_once);
  // service_keep.cc
  void keep(Guest& g);
  void settle();
  void take_over_all();
  void take_over(KeptGuest k);
  void take_over_gpu();
  void keep_gpu();
  bool go_on_with(const KeptGuest& k, std::unique_ptr<BackendGuest> backend);
  GuestReport report(Guest& g);
  void watch(int fd);
  void watch_again(int fd, bool on);
  void take_events();
  /// Answers what there is and runs what is due; with `all` without having been told by an event.
  /// False if no guest wanted anything.
  bool serve(bool all);
  bool serve_guests(bool all);
  bool held_back(Guest& g, uint64_t now);
  void drop_dead();
  void give_up_gpu();
  void tell_changes(uint64_t now);
  void arm_timer();
  void make_session(mediator::trace::Session::Start start);
  // service_shares.cc
  [[nodiscard]] mediator::GpuShares configured_shares() const;
  void start_shares();
  void stop_shares();
  hv::Result<void, Problem> share_fits(const VgpuType& type);
  /// What the vGPU of such a guest is like.
  [[nodiscard]] mediator::VgpuConfig wanted(const Guest& g) const;
  void init_shares(Guest& g);
  void begin_shares(hv::DomId domid, Guest& g);
  const char* apply_share(Guest& g);
  void apply_pause(Guest& g);
  hv::Result<void, Problem> heartbeats_fit();
  void warn_of_heartbeats(const std::string& who);

  const Config config_;
  Backend& backend_;
  WallClock& clock_;
  Log& log_;
  KeepFolder folder_;
  std::unique_ptr<GpuUnit> gpu_;  ///< before all that uses it
  std::unique_ptr<gpu::Driver> driver_;
  Fd epoll_, timer_, interrupt_;
  Recordings recordings_;
  std::unique_ptr<mediator::trace::Session> session_;
  Guests guests_;
  std::vector<std::unique_ptr<Guest>> ending_;  ///< what they left is being taken apart
  bool isolated_ = false;                       ///< the GPU no longer obeys
  struct CpuSink;
  std::unique_ptr<CpuHookSink> cpu_sink_;
  std::unique_ptr<WeightLedger> ledger_;
  std::unique_ptr<CpuHooks> cpu_;  ///< nullptr where there is no CPU scheduler to follow
  bool deaths_ = false;            ///< some domain died
  uint64_t next_tell_ns_ = 0;
  uint64_t armed_ns_ = UINT64_MAX;  ///< what the timer is set to
};

}  // namespace xengvtd
