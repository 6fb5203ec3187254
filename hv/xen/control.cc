// SPDX-License-Identifier: MIT
// libxenctrl, and nothing else of this folder includes it.
#include "hv/xen/control.h"

extern "C" {
#include <xenctrl.h>
#include <xenguest.h>
}
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "hv/xen/calls.h"

namespace hv::xen {
namespace {

xc_interface* xc(void* handle) { return static_cast<xc_interface*>(handle); }
int error_if(bool failed) { return failed ? errno : 0; }

DomainInfo convert(const xc_domaininfo_t& d) {
  DomainInfo i;
  i.id = DomId{d.domain};
  std::copy_n(d.handle, i.uuid.size(), i.uuid.begin());
  i.hvm = d.flags & XEN_DOMINF_hvm_guest;
  i.hap = d.flags & XEN_DOMINF_hap;
  i.paused = d.flags & XEN_DOMINF_paused;
  i.shut_down = d.flags & XEN_DOMINF_shutdown;
  i.dying = d.flags & XEN_DOMINF_dying;
  i.shutdown_reason = (d.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
  // A PVH guest has a local APIC and none of the rest of a PC.
  i.device_model = d.arch_config.emulation_flags & XEN_X86_EMU_PIC;
  i.max_vcpu = d.max_vcpu_id;
  i.pages = d.tot_pages;
  i.max_pages = d.max_pages;
  i.cpu_ns = d.cpu_time;
  i.cpupool = d.cpupool;
  return i;
}

static_assert(static_cast<uint32_t>(CpuScheduler::credit) == XEN_SCHEDULER_CREDIT &&
              static_cast<uint32_t>(CpuScheduler::credit2) == XEN_SCHEDULER_CREDIT2);

class LibraryWeights final : public WeightCalls {
 public:
  explicit LibraryWeights(xc_interface* handle) : xc_(handle) {}
  bool pool(uint32_t id, Pool& out) override {
    xc_cpupoolinfo_t* found = xc_cpupool_getinfo(xc_, id);
    if (found == nullptr) return false;
    out = {found->cpupool_id, CpuScheduler{found->sched_id}};
    xc_cpupool_infofree(xc_, found);
    return true;
  }
  int get(CpuScheduler of, DomId d, CpuWeight& out) override {
    return of == CpuScheduler::credit2
               ? get_by<xen_domctl_sched_credit2>(xc_sched_credit2_domain_get, d, out)
               : get_by<xen_domctl_sched_credit>(xc_sched_credit_domain_get, d, out);
  }
  int set(CpuScheduler of, DomId d, const CpuWeight& to) override {
    return of == CpuScheduler::credit2
               ? set_by<xen_domctl_sched_credit2>(xc_sched_credit2_domain_set, d, to)
               : set_by<xen_domctl_sched_credit>(xc_sched_credit_domain_set, d, to);
  }

 private:
  template <class Params, class Call>
  int get_by(Call call, DomId d, CpuWeight& out) {
    Params s{};
    if (call(xc_, d.v, &s) < 0) return errno;
    out = {s.weight, s.cap};
    return 0;
  }
  template <class Params, class Call>
  int set_by(Call call, DomId d, const CpuWeight& to) {
    Params s{};
    s.weight = static_cast<uint16_t>(to.weight);
    s.cap = static_cast<uint16_t>(to.cap);
    return error_if(call(xc_, d.v, &s) < 0);
  }
  xc_interface* xc_;
};

}  // namespace

std::string errno_text(int error) {
  return std::string(std::strerror(error)) + " (" + std::to_string(error) + ")";
}

Error error_of(int error) {
  switch (error) {
    case ESRCH:
    case ENODEV: return Error::gone;
    case ENOMEM: return Error::no_memory;
    case EBUSY:
    case EEXIST:
    case EAGAIN: return Error::busy;
    case EINVAL: return Error::bad_argument;
    case EFAULT:
    case ENOENT: return Error::bad_address;
    case ENOSYS:
    case EOPNOTSUPP: return Error::not_supported;
    default: return Error::io;
  }
}

Result<std::unique_ptr<Control>, std::string> Control::open() {
  // A logger of the library's would print to stderr by itself; errors are ours to word.
  xc_interface* handle = xc_interface_open(nullptr, nullptr, XC_OPENFLAG_NON_REENTRANT);
  if (!handle)
    return "cannot reach the Xen hypervisor: " + errno_text(errno) +
           "; is this dom0, run as root, with the module xen-privcmd?";
  return std::unique_ptr<Control>(new Control(handle));
}
Control::~Control() { xc_interface_close(xc(handle_)); }

int Control::info(DomId domain, DomainInfo& out) {
  xc_domaininfo_t d;
  const int n = xc_domain_getinfolist(xc(handle_), domain.v, 1, &d);
  if (n < 0) return errno;
  if (n == 0 || d.domain != domain.v) return ESRCH;
  out = convert(d);
  return 0;
}

int Control::list(std::vector<DomainInfo>& out) {
  out.clear();
  xc_domaininfo_t found[64];
  for (uint32_t from = 1;;) {
    const int n = xc_domain_getinfolist(xc(handle_), from, std::size(found), found);
    if (n < 0) return errno;
    for (int i = 0; i < n; ++i) out.push_back(convert(found[i]));
    if (n < static_cast<int>(std::size(found))) return 0;
    from = found[n - 1].domain + 1u;
  }
}

int Control::pod_entries(DomId domain, uint64_t& out) {
  uint64_t total = 0, cached = 0;
  return error_if(xc_domain_get_pod_target(xc(handle_), domain.v, &total, &cached, &out) < 0);
}
int Control::set_max_pages(DomId domain, uint64_t pages) {
  return error_if(xc_domain_setmaxmem(xc(handle_), domain.v, pages << (kPageShift - 10)) < 0);
}
size_t Control::populate(DomId domain, std::span<const uint64_t> gfns) {
  std::vector<xen_pfn_t> list(gfns.begin(), gfns.end());
  const int n = xc_domain_populate_physmap(xc(handle_), domain.v, list.size(), 0, 0, list.data());
  return n < 0 ? 0 : static_cast<size_t>(n);
}
int Control::release(DomId domain, std::span<const uint64_t> gfns) {
  std::vector<xen_pfn_t> list(gfns.begin(), gfns.end());
  const int n = xc_domain_decrease_reservation(xc(handle_), domain.v, list.size(), 0, list.data());
  if (n < 0) return errno;
  return static_cast<size_t>(n) == list.size() ? 0 : EFAULT;
}
int Control::running_at(DomId domain, unsigned vcpu, uint64_t& gfn) {
  HVM_SAVE_TYPE(CPU) cpu{};
  if (xc_domain_hvm_getcontext_partial(xc(handle_), domain.v, HVM_SAVE_CODE(CPU),
                                       static_cast<uint16_t>(vcpu), &cpu, sizeof cpu))
    return errno;
  // 0 is its failure: nobody has code at frame 0 that is a page table.
  gfn = xc_translate_foreign_address(xc(handle_), domain.v, static_cast<int>(vcpu),
                                     cpu.cs_base + cpu.rip);
  return gfn ? 0 : ENOENT;
}
int Control::allow_frames(DomId domain, uint64_t first, uint64_t count, bool allow) {
  return error_if(xc_domain_iomem_permission(xc(handle_), domain.v, first, count, allow) < 0);
}
int Control::map_frames(DomId domain, uint64_t gfn, uint64_t first, uint64_t count, bool map) {
  const uint32_t how = map ? DPCI_ADD_MAPPING : DPCI_REMOVE_MAPPING;
  return error_if(xc_domain_memory_mapping(xc(handle_), domain.v, gfn, first, count, how) < 0);
}

int Control::pause(DomId domain) { return error_if(xc_domain_pause(xc(handle_), domain.v) < 0); }
int Control::unpause(DomId domain) {
  return error_if(xc_domain_unpause(xc(handle_), domain.v) < 0);
}

int Control::vcpu_root(unsigned vcpu, uint64_t& frame) {
  vcpu_guest_context_any_t context;
  if (xc_vcpu_getcontext(xc(handle_), 0, vcpu, &context) < 0) return errno;
  frame = context.x64.ctrlreg[3] >> kPageShift;
  return 0;
}
int Control::map_m2p(std::span<const uint64_t>& table) {
  unsigned long last = 0;
  if (xc_maximum_ram_page(xc(handle_), &last) < 0) return errno;
  const xen_pfn_t* m2p = xc_map_m2p(xc(handle_), last, PROT_READ, nullptr);
  if (!m2p) return errno ? errno : EIO;
  table = {m2p, last};
  return 0;
}
std::string Control::command_line() {
  xen_commandline_t line{};
  if (xc_version(xc(handle_), XENVER_commandline, &line) < 0) return {};
  return std::string(line, strnlen(line, sizeof line));
}

int Control::cpu_weight(const DomainInfo& d, CpuWeight& out) {
  LibraryWeights calls(xc(handle_));
  return get_cpu_weight(calls, d.cpupool, d.id, out);
}
int Control::set_cpu_weight(const DomainInfo& d, uint32_t weight) {
  LibraryWeights calls(xc(handle_));
  return xen::set_cpu_weight(calls, d.cpupool, d.id, weight);
}

int Control::vcpu(DomId domain, unsigned number, VcpuInfo& out) {
  xc_vcpuinfo_t v{};
  if (xc_vcpu_getinfo(xc(handle_), domain.v, number, &v) < 0) return errno;
  out = {v.online != 0, v.blocked != 0, v.running != 0, v.cpu_time};
  return 0;
}

}  // namespace hv::xen
