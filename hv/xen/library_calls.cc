// SPDX-License-Identifier: MIT
// Calls over Debian's Xen libraries: device model, foreign memory and event channels, whose ABI is
// stable, and Control for the rest.
#include <cstddef>
#include <cstdint>

// The public headers declare what dom0's tools use only with this.
#define __XEN_TOOLS__ 1
extern "C" {
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
}
#include <cpuid.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "hv/xen/calls.h"
#include "hv/xen/domain.h"

namespace hv::xen {
namespace {

static_assert(sizeof(Ioreq) == sizeof(ioreq_t) &&
              offsetof(Ioreq, port) == offsetof(ioreq_t, vp_eport));
static_assert(static_cast<int>(IoState::answered) == STATE_IORESP_READY);
static_assert(static_cast<int>(IoType::config) == IOREQ_TYPE_PCI_CONFIG);
static_assert(static_cast<int>(IoType::invalidate) == IOREQ_TYPE_INVALIDATE);
static_assert(sizeof(xen_pfn_t) == sizeof(uint64_t));

int error_if(bool failed) { return failed ? errno : 0; }

/// Only Intel's processors tell Xen the linear address of an access that faulted.
bool is_intel() {
  unsigned largest = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0, &largest, &b, &c, &d) && b == signature_INTEL_ebx;
}

class LibraryCalls final : public Calls {
 public:
  LibraryCalls(DomId domain, std::unique_ptr<Control> control)
      : domain_(domain), control_(std::move(control)) {}
  ~LibraryCalls() override;
  std::string open();

  int info(DomainInfo& out) override { return control_->info(domain_, out); }
  int pod_entries(uint64_t& out) override { return control_->pod_entries(domain_, out); }
  int set_max_pages(uint64_t pages) override { return control_->set_max_pages(domain_, pages); }
  size_t populate(std::span<const uint64_t> gfns) override {
    return control_->populate(domain_, gfns);
  }
  int release(std::span<const uint64_t> gfns) override { return control_->release(domain_, gfns); }
  int running_at(unsigned vcpu, uint64_t& gfn) override {
    return control_->running_at(domain_, vcpu, gfn);
  }
  int pause(bool on) override { return on ? control_->pause(domain_) : control_->unpause(domain_); }
  int allow_frames(uint64_t first, uint64_t count, bool allow) override {
    return control_->allow_frames(domain_, first, count, allow);
  }
  int map_frames(uint64_t gfn, uint64_t first, uint64_t count, bool map) override {
    return control_->map_frames(domain_, gfn, first, count, map);
  }

  int vcpus(unsigned& out) override {
    return error_if(xendevicemodel_nr_vcpus(model_, domain_.v, &out) < 0);
  }
  int create_server(uint16_t& id) override {
    return error_if(
        xendevicemodel_create_ioreq_server(model_, domain_.v, HVM_IOREQSRV_BUFIOREQ_OFF, &id) < 0);
  }
  int destroy_server(uint16_t id) override {
    return error_if(xendevicemodel_destroy_ioreq_server(model_, domain_.v, id) < 0);
  }
  int map_requests(uint16_t id, Ioreq*& slots) override;
  void unmap_requests() override;
  int enable(uint16_t id, bool on) override {
    return error_if(xendevicemodel_set_ioreq_server_state(model_, domain_.v, id, on) < 0);
  }
  int claim_pci(uint16_t id, unsigned device, unsigned function, bool on) override;
  int claim_mmio(uint16_t id, uint64_t first, uint64_t last, bool on) override;
  int claim_writes(uint16_t id, bool on) override {
    return error_if(
        xendevicemodel_map_mem_type_to_ioreq_server(model_, domain_.v, id, HVMMEM_ioreq_server,
                                                    on ? XEN_DMOP_IOREQ_MEM_ACCESS_WRITE : 0) < 0);
  }
  int set_type(uint64_t gfn, uint32_t pages, bool trap_writes) override {
    const hvmmem_type_t type = trap_writes ? HVMMEM_ioreq_server : HVMMEM_ram_rw;
    return error_if(xendevicemodel_set_mem_type(model_, domain_.v, type, gfn, pages) < 0);
  }
  [[nodiscard]] bool completes_by_address() const override { return intel_; }
  int relocate(uint64_t from, uint64_t to, uint32_t pages) override {
    return error_if(xendevicemodel_relocate_memory(model_, domain_.v, pages, from, to) < 0);
  }
  int inject_msi(uint64_t address, uint32_t data) override {
    return error_if(xendevicemodel_inject_msi(model_, domain_.v, address, data) < 0);
  }

  int event_fd() override { return xenevtchn_fd(events_); }
  int bind(uint32_t remote, uint32_t& local) override;
  int unbind(uint32_t local) override { return error_if(xenevtchn_unbind(events_, local) < 0); }
  int next_event(uint32_t& local) override;
  int unmask(uint32_t local) override { return error_if(xenevtchn_unmask(events_, local) < 0); }
  int notify(uint32_t local) override { return error_if(xenevtchn_notify(events_, local) < 0); }

  std::byte* map(std::byte* at, std::span<const uint64_t> gfns, std::span<int> errors) override;
  void unmap(std::byte* memory, size_t pages) override {
    xenforeignmemory_unmap(memory_, memory, pages);
  }
  void sleep_us(unsigned us) override { usleep(us); }

 private:
  DomId domain_;
  std::unique_ptr<Control> control_;
  const bool intel_ = is_intel();
  xendevicemodel_handle* model_ = nullptr;
  xenforeignmemory_handle* memory_ = nullptr;
  xenevtchn_handle* events_ = nullptr;
  xenforeignmemory_resource_handle* requests_ = nullptr;
};

LibraryCalls::~LibraryCalls() {
  unmap_requests();
  if (events_) xenevtchn_close(events_);
  if (memory_) xenforeignmemory_close(memory_);
  if (model_) xendevicemodel_close(model_);
}

std::string LibraryCalls::open() {
  model_ = xendevicemodel_open(nullptr, 0);
  if (!model_) return "cannot open the device model interface: " + errno_text(errno);
  memory_ = xenforeignmemory_open(nullptr, 0);
  if (!memory_) return "cannot open /dev/xen/privcmd: " + errno_text(errno);
  events_ = xenevtchn_open(nullptr, 0);
  if (!events_) return "cannot open /dev/xen/evtchn (module xen-evtchn): " + errno_text(errno);
  const int fd = xenevtchn_fd(events_);
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
    return "cannot make event channels non-blocking: " + errno_text(errno);
  return {};
}

int LibraryCalls::map_requests(uint16_t id, Ioreq*& slots) {
  void* page = nullptr;
  requests_ = xenforeignmemory_map_resource(memory_, domain_.v, XENMEM_resource_ioreq_server, id,
                                            XENMEM_resource_ioreq_server_frame_ioreq(0), 1, &page,
                                            PROT_READ | PROT_WRITE, 0);
  slots = static_cast<Ioreq*>(page);
  return error_if(!requests_);
}
void LibraryCalls::unmap_requests() {
  if (requests_) xenforeignmemory_unmap_resource(memory_, requests_);
  requests_ = nullptr;
}

int LibraryCalls::claim_pci(uint16_t id, unsigned device, unsigned function, bool on) {
  const auto call = on ? xendevicemodel_map_pcidev_to_ioreq_server
                       : xendevicemodel_unmap_pcidev_from_ioreq_server;
  return error_if(call(model_, domain_.v, id, 0, 0, static_cast<uint8_t>(device),
                       static_cast<uint8_t>(function)) < 0);
}
int LibraryCalls::claim_mmio(uint16_t id, uint64_t first, uint64_t last, bool on) {
  const auto call = on ? xendevicemodel_map_io_range_to_ioreq_server
                       : xendevicemodel_unmap_io_range_from_ioreq_server;
  return error_if(call(model_, domain_.v, id, 1, first, last) < 0);
}

int LibraryCalls::bind(uint32_t remote, uint32_t& local) {
  const auto port = xenevtchn_bind_interdomain(events_, domain_.v, remote);
  if (port < 0) return errno;
  local = static_cast<uint32_t>(port);
  return 0;
}
int LibraryCalls::next_event(uint32_t& local) {
  const auto port = xenevtchn_pending(events_);
  if (port < 0) return errno ? errno : EAGAIN;
  local = static_cast<uint32_t>(port);
  return 0;
}

std::byte* LibraryCalls::map(std::byte* at, std::span<const uint64_t> gfns, std::span<int> errors) {
  static_assert(sizeof(unsigned long) == sizeof(uint64_t));
  return static_cast<std::byte*>(xenforeignmemory_map2(
      memory_, domain_.v, at, PROT_READ | PROT_WRITE, at ? MAP_FIXED : 0, gfns.size(),
      reinterpret_cast<const xen_pfn_t*>(gfns.data()), errors.data()));
}

}  // namespace

Result<std::unique_ptr<Calls>, std::string> open_calls(DomId domain) {
  auto control = Control::open();
  if (!control.ok()) return control.error();
  auto calls = std::make_unique<LibraryCalls>(domain, std::move(*control));
  if (std::string why = calls->open(); !why.empty())
    return why + "; xengvtd must run in dom0 as root";
  return std::unique_ptr<Calls>(std::move(calls));
}

bool releases_at_once() { return is_intel(); }

XenDomain::Opened XenDomain::open(DomId domid, const XenConfig& config) {
  auto calls = open_calls(domid);
  if (!calls.ok()) return calls.error();
  return open(domid, config, std::move(*calls));
}
XenDomain::Opened XenDomain::adopt(DomId domid, const XenConfig& config, const Record& record) {
  auto calls = open_calls(domid);
  if (!calls.ok()) return calls.error();
  return adopt(domid, config, record, std::move(*calls));
}

}  // namespace hv::xen
