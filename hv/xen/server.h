// SPDX-License-Identifier: MIT
// Our ioreq server in one domain: its shared page, one event channel for each vCPU, and the ranges
// it claims. Carries requests; what they mean is the caller's.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "hv/domain.h"
#include "hv/xen/calls.h"
#include "hv/xen/record.h"

namespace hv::xen {

class Server {
 public:
  explicit Server(Calls& calls) : calls_(calls) {}
  ~Server() {
    stop([](const Ioreq&) { return ~uint64_t{0}; });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Performs a request on a copy of it and gives the data to answer with.
  using Answer = std::function<uint64_t(const Ioreq&)>;

  /// Empty, or what failed: one line.
  std::string start(unsigned pci_device, unsigned pci_function);
  /// Takes over a server whose process ended, with the requests that wait in it. Its pages are
  /// plain RAM afterwards, and of its ranges only the PCI function is claimed. On failure it is
  /// left as it is, because to destroy it would stop vCPUs for ever.
  std::string adopt(uint16_t id, unsigned pci_device, unsigned pci_function,
                    const std::array<Record::Bar, kRanges>& claimed);
  /// Lets go of it without ending it, for who adopts it.
  void leave();
  /// Whether a request waits; no system call.
  [[nodiscard]] bool asks() const;
  /// Answers what is pending, at most `most` requests and until `enough` says so after one.
  void dispatch(unsigned most, const Answer& answer, const std::function<bool()>& enough = {});
  /// Stops claiming, answers everything still outstanding, destroys the server. A vCPU whose
  /// request were left behind would never run again.
  void stop(const Answer& answer);

  /// Claims the range at its new place. Where it clashes with our other range it is claimed as
  /// soon as that one leaves.
  Status place(Range range, uint64_t base, uint64_t bytes);
  void remove(Range range);
  /// Offset in a placed range of an access that lies wholly in it.
  bool locate(uint64_t address, unsigned size, Range& range, uint64_t& offset) const;

  /// Whether some vCPU has a request here, or an answer that it did not take yet.
  [[nodiscard]] bool outstanding() const;
  /// Whether the last request of some vCPU was a write to this page, so that Xen may have yet to
  /// complete it.
  [[nodiscard]] bool may_complete(uint64_t gfn) const;
  /// With the domain stopped: whether all requests are completed. Those that are, are forgotten by
  /// may_complete() and uncompleted_reads().
  bool all_completed();
  /// Guest frames of reads that vCPUs may yet complete.
  [[nodiscard]] std::vector<uint64_t> uncompleted_reads() const;

  /// Guest frames of writes that vCPUs may yet complete.
  [[nodiscard]] std::vector<uint64_t> uncompleted() const;
  /// Where a range is claimed for pages that lie wholly in it; 0 if it is not.
  [[nodiscard]] uint64_t base(Range range, uint64_t offset, uint64_t pages) const;

  [[nodiscard]] uint16_t id() const { return id_; }
  [[nodiscard]] uint64_t changes() const { return changes_; }  ///< of what is placed where
  /// Base and length of a range as placed last.
  [[nodiscard]] std::pair<uint64_t, uint64_t> placed(Range range) const {
    const Placed& p = placed_[static_cast<unsigned>(range)];
    return {p.base, p.bytes};
  }
  [[nodiscard]] bool running() const { return running_; }

 private:
  struct Placed {
    uint64_t base = 0, bytes = 0;
    bool claimed = false;
  };
  std::string build(unsigned pci_device, unsigned pci_function);
  std::string take(const std::array<Record::Bar, kRanges>& claimed);
  std::string bind();
  void revive(unsigned vcpu);
  void serve(unsigned vcpu, const Answer& answer);
  void drain(const Answer& answer);
  int claim(Placed& placed, bool on);
  void claim_waiting();

  Calls& calls_;
  uint16_t id_ = 0;
  bool created_ = false, running_ = false;
  unsigned device_ = 0, function_ = 0;
  Ioreq* slots_ = nullptr;
  std::vector<uint32_t> ports_;  // local port of each vCPU
  /// Guest frame that the last request of a vCPU wrote to or read, or kNowhere.
  struct Last {
    uint64_t written, read;
  };
  std::vector<Last> last_;
  std::array<Placed, kRanges> placed_{};
  uint64_t changes_ = 0;
};

}  // namespace hv::xen
