// SPDX-License-Identifier: MIT
// What the stages of a GPU on the bus do behind the mediator's back, in dom0:
//   xen-poke register OFFSET [VALUE]    a register of the GPU
//   xen-poke entry INDEX [VALUE]        an entry of its GGTT
//   xen-poke balloon DOMAIN FIRST COUNT takes these pages of a guest's away, used or not
extern "C" {
#include <xenctrl.h>
}
#include <fcntl.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr const char* kBar0 = "/sys/bus/pci/devices/0000:00:02.0/resource0";
constexpr size_t kBar0Bytes = 16u << 20, kEntries = 8u << 20;

int fail(const char* what) { return std::perror(what), 1; }

template <class T>
int look(size_t offset, const char* value) {
  const int file = ::open(kBar0, O_RDWR | O_SYNC);
  void* bar = ::mmap(nullptr, kBar0Bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (file < 0 || bar == MAP_FAILED || offset > kBar0Bytes - sizeof(T)) return fail(kBar0);
  auto* at = reinterpret_cast<volatile T*>(static_cast<std::byte*>(bar) + offset);
  if (value) *at = static_cast<T>(std::strtoull(value, nullptr, 0));
  std::printf("0x%llx\n", static_cast<unsigned long long>(*at));
  return 0;
}

int balloon(uint32_t domain, uint64_t first, unsigned count) {
  xc_interface* xc = xc_interface_open(nullptr, nullptr, 0);
  if (!xc) return fail("xc_interface_open");
  std::vector<xen_pfn_t> pages(count);
  for (unsigned i = 0; i < count; ++i) pages[i] = first + i;
  const int done = xc_domain_decrease_reservation(xc, domain, count, 0, pages.data());
  std::printf("%d\n", done);
  return done > 0 ? 0 : fail("xc_domain_decrease_reservation");
}

uint64_t number(const char* text) { return std::strtoull(text, nullptr, 0); }

}  // namespace

int main(int argc, char** argv) {
  const char* what = argc > 2 ? argv[1] : "";
  const char* value = argc > 3 ? argv[3] : nullptr;
  if (!std::strcmp(what, "register")) return look<uint32_t>(number(argv[2]), value);
  if (!std::strcmp(what, "entry")) return look<uint64_t>(kEntries + 8 * number(argv[2]), value);
  if (!std::strcmp(what, "balloon") && argc == 5)
    return balloon(static_cast<uint32_t>(number(argv[2])), number(value),
                   static_cast<unsigned>(number(argv[4])));
  std::fputs("usage: xen-poke register|entry|balloon ...\n", stderr);
  return 2;
}
