// SPDX-License-Identifier: MIT
// A guest of Xen as the service runs it, and the memory the modelled GPU reaches.
#pragma once

#include <memory>

#include "dom0/daemon/backend.h"
#include "dom0/daemon/fd.h"
#include "hv/xen/domain.h"
#include "hv/xen/frames.h"

namespace xengvtd {

class FrameBus final : public gpu::model::DmaBus {
 public:
  explicit FrameBus(hv::xen::FrameSpace& frames) : frames_(frames) {}
  std::byte* page(hv::BusFrame frame) override { return frames_.page(frame); }
  hv::Result<gpu::DmaPage> alloc() override;
  void free(hv::BusFrame frame) override { frames_.free_host(frame); }

 private:
  hv::xen::FrameSpace& frames_;
};

class XenGuest final : public BackendGuest {
 public:
  /// `pages`: the domain's XenConfig::pages_file, if it has one.
  XenGuest(std::unique_ptr<hv::xen::XenDomain> domain, hv::Clock& clock, Fd pages)
      : pages_(std::move(pages)), domain_(std::move(domain)), clock_(clock) {}

  hv::Domain& domain() override { return *domain_; }
  hv::Result<void, Problem> go_live(hv::TrapHandler& handler) override;
  void quiesce() override { domain_->attach(nullptr); }
  [[nodiscard]] int event_fd() const override { return domain_->event_fd(); }
  [[nodiscard]] uint64_t wake_ns() const override;
  [[nodiscard]] bool asks() const override { return domain_->asks(); }
  bool dispatch(const std::function<bool()>& enough) override;
  bool allow_direct_reads(bool on) override {
    domain_->allow_direct_reads(on);
    return true;
  }
  [[nodiscard]] hv::local::TrapCounts counts() const override;
  [[nodiscard]] std::optional<hv::xen::Record> record() const override;
  [[nodiscard]] uint64_t changes() const override;
  std::vector<std::byte> take_registers() override;
  void tick(uint64_t now_ns) override { domain_->watch(now_ns); }
  void hold() override { domain_->hold(); }
  void leave() override { domain_->leave(); }

 private:
  static constexpr uint64_t kLookAgainNs = 2'000'000;
  Fd pages_;
  std::unique_ptr<hv::xen::XenDomain> domain_;
  hv::Clock& clock_;
  uint64_t looked_ns_ = 0;
};

}  // namespace xengvtd
