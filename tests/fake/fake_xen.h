// SPDX-License-Identifier: MIT
// A Xen host with one guest, for tests of hv/xen: its memory and page types, an ioreq server, event
// channels, and a guest CPU whose accesses become requests. Any call can be made to fail.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "hv/xen/calls.h"
#include "tests/fake/fake_tables.h"

namespace fake {

class FakeXen {
 public:
  static constexpr unsigned kVcpus = 2;
  static constexpr uint64_t kMaxFrames = 16384;  // 64 MiB, committed when touched
  struct Page {
    uint64_t frame = 0;
    bool typed = false;
  };
  struct Claim {
    uint64_t first, last;
    bool operator==(const Claim&) const = default;
  };

  explicit FakeXen(uint64_t ram_pages = 256) {
    memory_ = memfd_create("guest", MFD_CLOEXEC);
    if (memory_ < 0 || ftruncate(memory_, kMaxFrames << 12)) std::abort();
    info.id = hv::DomId{7};
    info.hvm = info.hap = info.device_model = info.paused = true;
    info.max_pages = ram_pages + 8;
    for (uint64_t g = 0; g < ram_pages; ++g) add_page(g);
    for (unsigned v = 0; v < kVcpus; ++v) slots[v].port = 100 + v;
  }
  ~FakeXen() { ::close(memory_); }
  FakeXen(const FakeXen&) = delete;
  FakeXen& operator=(const FakeXen&) = delete;

  std::unique_ptr<hv::xen::Calls> calls();

  // What the hypervisor knows.
  hv::xen::DomainInfo info;
  uint64_t pod = 0;
  std::map<uint64_t, Page> p2m;
  bool created = false, enabled = false, pci = false, writes = false, destroyed = false;
  std::vector<Claim> claims;
  hv::xen::Ioreq slots[kVcpus]{};
  std::map<uint32_t, uint32_t> bound;  // remote to local port
  std::deque<uint32_t> events;
  std::vector<uint32_t> notified;
  std::vector<std::pair<uint64_t, uint32_t>> msis;
  std::map<std::string, int> fail;      // errno of the next call of that name
  std::map<std::string, int> broken;    // errno of every call of that name
  std::vector<std::string> log;         // names of calls that change something
  int64_t mapped_pages = 0;             // foreign pages this process holds outside fixed places
  bool destroyed_with_request = false;  // a vCPU that will never run again
  unsigned slept = 0;
  int event_fd = 42;
  uint64_t code_at[kVcpus]{};  // the frame each vCPU runs code from
  int pauses = 0;              // counted, besides info.paused
  /// Whether an access is completed at the emulator, as on Intel's processors, or wherever its page
  /// is by then, as on AMD's: then the answer stays, and the vCPU's next request kills the domain.
  bool by_address = true;
  bool crashed = false, stale[kVcpus]{};
  /// What happens on another processor of the host once the domain is stopped.
  std::function<void()> when_paused;
  std::set<uint64_t> allowed;               // machine frames it may be shown
  std::map<uint64_t, uint64_t> shown;       // guest frame to machine frame, not its RAM
  std::map<uint64_t, uint64_t> foreign;     // page of this process to the frame mapped there
  std::map<uint64_t, unsigned> mapping_of;  // page of this process to the call that mapped it
  unsigned mappings = 0;
  bool split = false;     // a frame went while its mapping, which goes as a whole only, stood
  bool dangling = false;  // a shown frame was not mapped by this process at some time
  unsigned shows = 0;     // calls that made or took away a mapping
  /// A machine frame number is kFirstFrame and up, so that it is not a guest frame number.
  static constexpr uint64_t kFirstFrame = 0x80000;
  int tables_error = 0;  // of reading this process's own page tables
  bool m2p_wrong = false;
  /// This process's page tables, as they lead to the foreign mappings.
  std::unique_ptr<hv::xen::MachineTables> own_tables();

  /// The guest balloons the page out, or back in (a new, zeroed frame).
  void remove_page(uint64_t gfn) { p2m.erase(gfn); }
  void add_page(uint64_t gfn) { p2m[gfn] = {next_frame_++ % kMaxFrames, false}; }

  // The guest's CPU. `pump` lets the emulator run.
  std::function<void()> pump;
  unsigned exits = 0;

  uint64_t cpu_read(uint64_t at, unsigned size) {
    if (const auto it = p2m.find(at >> 12); it != p2m.end()) {
      uint64_t v = 0;
      peek(it->second.frame, at & 0xfff, &v, size);
      return v;
    }
    if (const auto it = shown.find(at >> 12); it != shown.end()) {
      uint64_t v = 0;
      peek(it->second - kFirstFrame, at & 0xfff, &v, size);
      return v;
    }
    return io({.address = at,
               .data = 0,
               .count = 1,
               .size = size,
               .port = 0,
               .pad = 0,
               .flags = hv::xen::Ioreq::kRead,
               .type = hv::xen::IoType::memory});
  }
  void cpu_write(uint64_t at, unsigned size, uint64_t value) {
    const auto it = p2m.find(at >> 12);
    if (it != p2m.end() && !it->second.typed)
      return poke(it->second.frame, at & 0xfff, &value, size);
    if (const auto s = shown.find(at >> 12); it == p2m.end() && s != shown.end())
      return poke(s->second - kFirstFrame, at & 0xfff, &value, size);
    io({.address = at,
        .data = value,
        .count = 1,
        .size = size,
        .port = 0,
        .pad = 0,
        .flags = 0,
        .type = hv::xen::IoType::memory});
  }
  uint64_t config_read(unsigned offset, unsigned size) {
    return io({.address = uint64_t{2 << 3} << 32 | offset,
               .data = 0,
               .count = 1,
               .size = size,
               .port = 0,
               .pad = 0,
               .flags = hv::xen::Ioreq::kRead,
               .type = hv::xen::IoType::config});
  }
  void config_write(unsigned offset, unsigned size, uint64_t value) {
    io({.address = uint64_t{2 << 3} << 32 | offset,
        .data = value,
        .count = 1,
        .size = size,
        .port = 0,
        .pad = 0,
        .flags = 0,
        .type = hv::xen::IoType::config});
  }
  /// Leaves a request for the emulator without waiting.
  void post(unsigned vcpu, const hv::xen::Ioreq& request) {
    const uint32_t port = slots[vcpu].port;
    crashed |= stale[vcpu];
    slots[vcpu] = request;
    slots[vcpu].port = port;
    slots[vcpu].flags |= static_cast<uint8_t>(hv::xen::IoState::ready);
    ++exits;
    if (bound.contains(port)) events.push_back(bound[port]);
  }
  /// Takes an answer; false if there is none.
  bool take(unsigned vcpu, uint64_t& data) {
    if (slots[vcpu].state() != hv::xen::IoState::answered) return false;
    slots[vcpu].flags &= 0xf0;
    data = slots[vcpu].data;
    const auto page = p2m.find(slots[vcpu].address >> 12);
    const bool in_ram = slots[vcpu].type == hv::xen::IoType::memory && page != p2m.end() &&
                        (slots[vcpu].is_read() || !page->second.typed);
    stale[vcpu] = !by_address && in_ram;
    return true;
  }
  uint64_t io(const hv::xen::Ioreq& request, unsigned vcpu = 0) {
    post(vcpu, request);
    if (pump) pump();
    uint64_t data = 0xdeaddeaddeaddead;
    take(vcpu, data);
    return data;
  }
  template <class T>
  T ram(uint64_t at) {
    T v{};
    peek(p2m.at(at >> 12).frame, at & 0xfff, &v, sizeof v);
    return v;
  }
  template <class T>
  void set_ram(uint64_t at, T v) {
    poke(p2m.at(at >> 12).frame, at & 0xfff, &v, sizeof v);
  }
  [[nodiscard]] unsigned typed_pages() const {
    unsigned n = 0;
    for (const auto& [gfn, page] : p2m) n += page.typed;
    return n;
  }

 private:
  friend class FakeCalls;
  void peek(uint64_t frame, uint64_t at, void* to, unsigned n) {
    if (pread(memory_, to, n, static_cast<off_t>(frame << 12 | at)) != n) std::abort();
  }
  void poke(uint64_t frame, uint64_t at, const void* from, unsigned n) {
    if (pwrite(memory_, from, n, static_cast<off_t>(frame << 12 | at)) != n) std::abort();
  }
  int failure(const std::string& name, bool changes = true) {
    if (changes) log.push_back(name);
    if (const auto it = broken.find(name); it != broken.end()) return it->second;
    const auto it = fail.find(name);
    if (it == fail.end()) return 0;
    const int e = it->second;
    fail.erase(it);
    return e;
  }

  /// Every shown frame is held by a mapping of this process.
  void check_held(uint64_t from = 0, uint64_t pages = ~uint64_t{0}) {
    for (auto it = shown.lower_bound(from); it != shown.end() && it->first - from < pages; ++it) {
      const uint64_t frame = it->second;
      bool held = device.contains(frame);
      for (const auto& [page, f] : foreign) held |= f + kFirstFrame == frame;
      dangling |= !held;
    }
  }

  /// Whether a mapping that shows one of these shows others too.
  void check_split(std::span<const uint64_t> gfns) {
    std::set<uint64_t> going;
    for (const uint64_t g : gfns)
      if (const auto it = p2m.find(g); it != p2m.end()) going.insert(it->second.frame);
    std::map<unsigned, std::pair<bool, bool>> shows_going_and_others;
    for (const auto& [page, mapping] : mapping_of) {
      auto& [goes, stays] = shows_going_and_others[mapping];
      (going.contains(foreign[page]) ? goes : stays) = true;
    }
    for (const auto& [mapping, which] : shows_going_and_others)
      split |= which.first && which.second;
  }

  int memory_ = -1;
  uint64_t next_frame_ = 0;

 public:
  std::set<uint64_t> device;  ///< machine frames of a device's memory
};

class FakeCalls final : public hv::xen::Calls {
 public:
  explicit FakeCalls(FakeXen& xen) : x_(xen) {}

  int info(hv::xen::DomainInfo& out) override {
    out = x_.info;
    out.pages = x_.p2m.size();
    return x_.failure("info", false);
  }
  int pod_entries(uint64_t& out) override {
    out = x_.pod;
    return x_.failure("pod_entries", false);
  }
  int set_max_pages(uint64_t pages) override {
    if (const int e = x_.failure("set_max_pages")) return e;
    x_.info.max_pages = pages;
    return 0;
  }
  size_t populate(std::span<const uint64_t> gfns) override {
    // Failing leaves half of the work done, as Xen may.
    const size_t most = x_.failure("populate") ? gfns.size() / 2 : gfns.size();
    size_t n = 0;
    for (; n < most && x_.p2m.size() < x_.info.max_pages; ++n) x_.add_page(gfns[n]);
    return n;
  }
  int release(std::span<const uint64_t> gfns) override {
    x_.check_split(gfns);
    for (const uint64_t g : gfns) x_.p2m.erase(g);
    return x_.failure("release");
  }
  int allow_frames(uint64_t first, uint64_t count, bool allow) override {
    if (const int e = x_.failure(allow ? "allow_frames" : "forbid_frames")) return e;
    for (uint64_t f = first; f < first + count; ++f)
      allow ? (void)x_.allowed.insert(f) : (void)x_.allowed.erase(f);
    return 0;
  }
  int map_frames(uint64_t gfn, uint64_t first, uint64_t count, bool map) override {
    if (const int e = x_.failure(map ? "map_frames" : "unmap_frames")) return e;
    ++x_.shows;
    for (uint64_t i = 0; i < count; ++i)
      if (!x_.allowed.contains(first + i)) return EPERM;
    for (uint64_t i = 0; i < count; ++i) {
      if (map) {
        x_.p2m.erase(gfn + i);
        x_.shown[gfn + i] = first + i;
      } else if (!x_.shown.erase(gfn + i)) {
        return EINVAL;
      }
    }
    x_.check_held(gfn, count);
    return 0;
  }

  int pause(bool on) override {
    if (const int e = x_.failure("pause")) return e;
    x_.pauses += on ? 1 : -1;
    if (on && x_.when_paused) x_.when_paused();
    return 0;
  }

  int running_at(unsigned vcpu, uint64_t& gfn) override {
    if (const int e = x_.failure("running_at")) return e;
    gfn = x_.code_at[vcpu];
    return 0;
  }

  int vcpus(unsigned& out) override {
    out = FakeXen::kVcpus;
    return x_.failure("vcpus", false);
  }
  int create_server(uint16_t& id) override {
    if (const int e = x_.failure("create_server")) return e;
    id = 3;
    x_.created = true;
    return 0;
  }
  int destroy_server(uint16_t) override {
    for (const auto& s : x_.slots)
      x_.destroyed_with_request |=
          s.state() == hv::xen::IoState::ready || s.state() == hv::xen::IoState::in_process;
    x_.created = false;
    x_.destroyed = true;
    return x_.failure("destroy_server");
  }
  int map_requests(uint16_t, hv::xen::Ioreq*& slots) override {
    slots = x_.slots;
    return x_.failure("map_requests");
  }
  void unmap_requests() override { x_.log.emplace_back("unmap_requests"); }
  int enable(uint16_t, bool on) override {
    if (const int e = x_.failure(on ? "enable" : "disable")) return e;
    x_.enabled = on;
    return 0;
  }
  int claim_pci(uint16_t, unsigned, unsigned, bool on) override {
    if (const int e = x_.failure(on ? "claim_pci" : "drop_pci")) return e;
    x_.pci = on;
    return 0;
  }
  int claim_mmio(uint16_t, uint64_t first, uint64_t last, bool on) override {
    if (const int e = x_.failure(on ? "claim_mmio" : "drop_mmio")) return e;
    if (!on) return std::erase(x_.claims, FakeXen::Claim{first, last}) ? 0 : ENOENT;
    for (const auto& c : x_.claims)
      if (first <= c.last && c.first <= last) return EEXIST;
    x_.claims.push_back({first, last});
    return 0;
  }
  int claim_writes(uint16_t, bool on) override {
    if (const int e = x_.failure(on ? "claim_writes" : "drop_writes")) return e;
    if (!on)
      for (auto& [gfn, page] : x_.p2m) page.typed = false;
    x_.writes = on;
    return 0;
  }
  int set_type(uint64_t gfn, uint32_t pages, bool trap) override {
    if (const int e = x_.failure("set_type")) return e;
    for (uint64_t g = gfn; g < gfn + pages; ++g) {
      const auto it = x_.p2m.find(g);
      if (it == x_.p2m.end() || (trap && it->second.typed)) return EINVAL;
      it->second.typed = trap;
    }
    return 0;
  }
  [[nodiscard]] bool completes_by_address() const override { return x_.by_address; }
  int relocate(uint64_t from, uint64_t to, uint32_t pages) override {
    if (const int e = x_.failure("relocate")) return e;
    for (uint32_t i = 0; i < pages; ++i) {
      x_.p2m[to + i] = {x_.p2m.at(from + i).frame, false};
      x_.p2m.erase(from + i);
    }
    return 0;
  }
  int inject_msi(uint64_t address, uint32_t data) override {
    if (const int e = x_.failure("inject_msi")) return e;
    x_.msis.emplace_back(address, data);
    return 0;
  }

  int event_fd() override { return x_.event_fd; }
  int bind(uint32_t remote, uint32_t& local) override {
    if (const int e = x_.failure("bind")) return e;
    local = remote + 1000;
    x_.bound[remote] = local;
    // A fresh binding is pending, so that nothing sent before it is lost.
    x_.events.push_back(local);
    return 0;
  }
  int unbind(uint32_t local) override {
    std::erase_if(x_.bound, [&](const auto& b) { return b.second == local; });
    return 0;
  }
  int next_event(uint32_t& local) override {
    if (x_.events.empty()) return EAGAIN;
    local = x_.events.front();
    x_.events.pop_front();
    return 0;
  }
  int unmask(uint32_t) override { return 0; }
  int notify(uint32_t local) override {
    x_.notified.push_back(local);
    return 0;
  }

  std::byte* map(std::byte* at, std::span<const uint64_t> gfns, std::span<int> errors) override {
    if (x_.failure("map", false)) return nullptr;
    void* base = mmap(at, gfns.size() << 12, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
    if (base == MAP_FAILED) return nullptr;
    if (!at) x_.mapped_pages += static_cast<int64_t>(gfns.size());
    auto* to = static_cast<std::byte*>(base);
    ++x_.mappings;
    for (size_t i = 0; i < gfns.size();) {
      const size_t n = run(gfns.subspan(i));
      for (size_t k = i; k < i + std::max<size_t>(n, 1); ++k) errors[k] = n ? 0 : EINVAL;
      if (n)
        mmap(to + (i << 12), n << 12, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, x_.memory_,
             static_cast<off_t>(x_.p2m.at(gfns[i]).frame << 12));
      for (size_t k = 0; k < n; ++k)
        note((reinterpret_cast<uint64_t>(to) >> 12) + i + k, x_.p2m.at(gfns[i]).frame + k);
      i += std::max<size_t>(n, 1);
    }
    return to;
  }
  void unmap(std::byte* memory, size_t pages) override {
    munmap(memory, pages << 12);
    const uint64_t first = reinterpret_cast<uint64_t>(memory) >> 12;
    x_.foreign.erase(x_.foreign.lower_bound(first), x_.foreign.lower_bound(first + pages));
    x_.mapping_of.erase(x_.mapping_of.lower_bound(first), x_.mapping_of.lower_bound(first + pages));
    x_.check_held();
    x_.mapped_pages -= static_cast<int64_t>(pages);
  }
  void sleep_us(unsigned) override {
    ++x_.slept;
    for (auto& s : x_.slots)
      if (s.state() == hv::xen::IoState::answered) s.flags &= 0xf0;
  }

 private:
  void note(uint64_t page, uint64_t frame) {
    x_.foreign[page] = frame;
    x_.mapping_of[page] = x_.mappings;
  }
  /// How many of these, from the first, are there and lie in neighbouring frames.
  size_t run(std::span<const uint64_t> gfns) {
    auto it = x_.p2m.find(gfns[0]);
    if (it == x_.p2m.end()) return 0;
    const uint64_t frame = it->second.frame;
    size_t n = 1;
    for (; n < gfns.size() && ++it != x_.p2m.end(); ++n)
      if (it->first != gfns[n] || it->second.frame != frame + n) break;
    return n;
  }
  FakeXen& x_;
};

class FakeXenTables final : public hv::xen::MachineTables {
 public:
  explicit FakeXenTables(FakeXen& xen) : x_(xen) {}
  int guess_root(uint64_t& frame) override { return tables_.guess_root(frame); }
  int read(uint64_t frame, std::span<uint64_t, hv::xen::kTableEntries> to) override {
    if (x_.tables_error) return x_.tables_error;
    for (const auto& [page, f] : x_.foreign)
      tables_.entry(reinterpret_cast<const void*>(page << 12)) =
          (f + FakeXen::kFirstFrame) << 12 | FakeTables::kFlags;
    return tables_.read(frame, to);
  }
  uint64_t guest_frame(uint64_t frame) override {
    for (const auto& [gfn, page] : x_.p2m)
      if (page.frame + FakeXen::kFirstFrame == frame && !x_.m2p_wrong) return gfn;
    return hv::xen::kNoGuestFrame;
  }

 private:
  FakeXen& x_;
  FakeTables tables_;
};

inline std::unique_ptr<hv::xen::MachineTables> FakeXen::own_tables() {
  return std::make_unique<FakeXenTables>(*this);
}

inline std::unique_ptr<hv::xen::Calls> FakeXen::calls() {
  return std::make_unique<FakeCalls>(*this);
}

}  // namespace fake
