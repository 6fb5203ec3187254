// SPDX-License-Identifier: MIT
#include "dom0/gpu/proxy/server.h"

#include <poll.h>

#include <algorithm>
#include <array>

#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"
#include "shadow/gen9/tiling.h"

namespace gpu::proxy {
namespace {

constexpr uint64_t kMaxLagNs = 20'000'000;
constexpr uint64_t kLateTickNs = 1'000'000;
constexpr uint64_t kShortestStepNs = 200, kLongestStepNs = 1'000'000;  // modelled
// Work that waits for memory to change (semaphores) is not told of the change.
constexpr uint64_t kLookAgainNs = 1'000'000;

uint64_t ones(unsigned bytes) { return bytes >= 8 ? ~uint64_t{0} : (uint64_t{1} << bytes * 8) - 1; }

}  // namespace

/// Everything that a reset of the function puts back.
struct Server::Gpu {
  Gpu(Server& s, const ServerConfig& c)
      : status(s.master_),
        model(status, c.gpu),
        registers(model, status),
        pacer(c.time_scale, kMaxLagNs) {
    pacer.forgive(0, s.clock_.now_ns());
    model.set_dma_observer(&s.master_);
    registers.set(s.space_.read(config::kTestFaults, 4));
  }
  /// What is asked of it now must not seem to happen in the past.
  void catch_up(uint64_t now) {
    if (model.next_event_ns() == UINT64_MAX) model.advance_to(pacer.model_time(now));
  }
  LateStatus status;
  model::Model model;
  FaultyRegisters registers;
  xengvtd::Pacer pacer;
  uint64_t step_model_ns = 10'000;  ///< follows what a step takes
};

std::byte* Server::Master::page(hv::BusFrame frame) {
  return server_.space_.bus_master() ? server_.ram_.page(frame) : nullptr;
}
void Server::Master::on_access(const model::DmaAccess& access) {
  if (server_.space_.bus_master()) return server_.dma_.on_access(access);
  ++server_.counts_.dma_blocked;
}

Server::Server(int socket, const ServerConfig& config, MachineRam& ram, Owners& owners,
               std::ostream& log)
    : socket_(socket),
      config_(config),
      log_(log),
      ram_(ram),
      shared_(ram),
      owners_(owners),
      dma_(shared_, owners, log),
      space_(
          config.gpu.device_id, config.gpu.revision, config.gtt_mib,
          [this] { reset_wanted_ = true; },
          [this](unsigned offset, uint32_t value) { test_register(offset, value); }) {
  power_on();
}

Server::~Server() = default;

void Server::power_on() {
  gpu_.reset();
  gpu_ = std::make_unique<Gpu>(*this, config_);
}

bool Server::wait(uint64_t due) {
  pollfd p{socket_, POLLIN, 0};
  if (due == UINT64_MAX) return ::poll(&p, 1, -1) > 0;
  const uint64_t now = clock_.now_ns(), ns = due > now ? due - now : 0;
  const timespec t{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  return ::ppoll(&p, 1, &t, nullptr) > 0;
}

hv::Status Server::run() {
  for (uint64_t due = 0;;) {
    if (wait(due)) {
      const auto s = step();
      if (!s.ok()) return s.error() == hv::Error::gone ? hv::Status() : s;
    }
    if (gpu_->registers.faults() & fault::kExit) return {};
    due = work();
  }
}

uint64_t Server::work() {
  tick();
  const uint64_t began = clock_.now_ns();
  uint64_t due = gpu_->registers.faults() & fault::kLateStatus ? began + kLateTickNs : UINT64_MAX;
  model::Model& m = gpu_->model;
  gpu_->pacer.forgive(m.now_ns(), began);
  const uint64_t target = gpu_->pacer.model_time(began);
  const bool idle = m.next_event_ns() == UINT64_MAX;
  m.advance_to(idle ? target : std::min(target, m.now_ns() + gpu_->step_model_ns));
  if (!idle) {
    const uint64_t took = clock_.now_ns() - began, most = config_.step_us * uint64_t{1000};
    uint64_t& step = gpu_->step_model_ns;
    if (took > most)
      step = std::max(kShortestStepNs, step / 2);
    else if (took < most / 2)
      step = std::min(kLongestStepNs, step + step / 4);
  }
  const uint64_t next = m.next_event_ns();
  if (next != UINT64_MAX)
    due = std::min(due, gpu_->pacer.wall_time(std::max(next, m.now_ns())));
  else if (space_.bus_master())
    due = std::min(due, began + kLookAgainNs);
  return due;
}

void Server::tick() {
  if (gpu_->registers.faults()) gpu_->registers.tick(clock_.now_ns());
}

hv::Status Server::step() {
  auto message = receive(socket_);
  if (!message.ok()) return message.error();
  const uint64_t began = clock_.now_ns();
  gpu_->catch_up(began);
  const std::optional<uint64_t> value = answer(*message);
  if (reset_wanted_) {
    ++counts_.resets;
    reset_wanted_ = false;
    power_on();
  }
  if (value && !reply(socket_, *value)) return hv::Error::gone;
  counts_.longest_answer_ns = std::max(counts_.longest_answer_ns, clock_.now_ns() - began);
  return {};
}

std::optional<uint64_t> Server::answer(Message& m) {
  switch (m.command) {
    case Command::sync_memory:
      if (const auto s = ram_.sync(m); !s.ok())
        log_ << "memory map refused: " << hv::error_name(s.error()) << std::endl;
      gpu_->registers.drop_translations();
      return std::nullopt;
    case Command::config_read: {
      ++counts_.config_accesses;
      const auto a = m.as<ConfigAccess>();
      return space_.read(a.address, static_cast<unsigned>(a.bytes));
    }
    case Command::config_write: {
      ++counts_.config_accesses;
      const auto a = m.as<ConfigAccess>();
      const bool before = space_.bus_master();
      space_.write(a.address, static_cast<unsigned>(a.bytes), a.value);
      if (!before && space_.bus_master()) owners_.prepare();
      return 0;
    }
    case Command::bar_read: return bar_read(m.as<BarAccess>());
    case Command::bar_write: bar_write(m.as<BarAccess>()); return 0;
    case Command::reset:
      space_.power_on();
      reset_wanted_ = true;
      return 0;
    default: return std::nullopt;
  }
}

void Server::test_register(unsigned offset, uint32_t value) {
  if (offset == config::kTestFaults) {
    gpu_->registers.set(value);
    log_ << "faults " << value << std::endl;
    return;
  }
  dma_.mark(value);
  report();
}

void Server::report() {
  dma_.write();
  const ServerCounts& c = counts_;
  log_ << "register_reads " << c.register_reads << "\nregister_looks " << c.register_looks
       << "\nregister_writes " << c.register_writes << "\nggtt_reads " << c.ggtt_reads
       << "\nggtt_writes " << c.ggtt_writes << "\ndma_blocked " << c.dma_blocked
       << "\naperture_accesses " << c.aperture_reads + c.aperture_writes << "\nresets " << c.resets
       << "\nlongest_answer_us " << c.longest_answer_ns / 1000 << std::endl;
}

uint32_t Server::read_dword(uint64_t offset) {
  if (offset < gen9::kMmioBytes) {
    counts_.register_looks += offset == gen9::kMasterIrq || offset == gen9::kRingFault;
    return gpu_->registers.read(static_cast<uint32_t>(offset), clock_.now_ns());
  }
  if (offset < gen9::kGttOffset) return 0;
  const uint64_t entry = gpu_->model.read_ggtt((offset - gen9::kGttOffset) / 8);
  return static_cast<uint32_t>(offset % 8 ? entry >> 32 : entry);
}

void Server::write_dword(uint64_t offset, uint32_t value) {
  if (offset < gen9::kMmioBytes) {
    if (offset >= gen9::kFence0 && offset < gen9::kFence0 + 8 * gen9::kFences)
      dma_.fences_changed();
    return gpu_->registers.write(static_cast<uint32_t>(offset), value, clock_.now_ns());
  }
  if (offset < gen9::kGttOffset) return;
  const uint64_t index = (offset - gen9::kGttOffset) / 8, old = gpu_->model.read_ggtt(index);
  const uint64_t high = ~uint64_t{0} << 32;
  gpu_->model.write_ggtt(index,
                         offset % 8 ? (old & ~high) | uint64_t{value} << 32 : (old & high) | value);
}

void Server::check_aperture(uint64_t offset) {
  if (!space_.bus_master()) return;
  uint64_t fence = 0, address = offset;
  for (uint32_t n = 0; n < gen9::kFences && fence == 0; ++n) {
    const uint64_t reg = gpu_->model.read64(gen9::kFence0 + 8 * n);
    const auto f = gen9::decode_fence(reg);
    if (!f || !f->contains(offset)) continue;
    fence = reg;
    address = f->detile(offset);
  }
  const uint64_t entry = gpu_->model.read_ggtt(address >> hv::kPageShift);
  if (entry & gen9::kPtePresent) dma_.on_aperture(fence, gen9::pte_frame(entry));
}

uint64_t Server::bar_read(const BarAccess& a) {
  if (a.bytes == 0 || a.bytes > 8 || !space_.decodes()) return ~uint64_t{0};
  if (gpu_->registers.faults() & fault::kAllOnes) return ones(a.bytes);
  const uint64_t low = a.address - space_.bar(config::kBar0);
  const uint64_t high = a.address - space_.bar(config::kBar2);
  uint64_t value = 0;
  if (low < gen9::kBar0Bytes) {
    ++(low < gen9::kGttOffset ? counts_.register_reads : counts_.ggtt_reads);
    const uint64_t first = low & ~uint64_t{3};
    value = read_dword(first);
    if (low % 4 + a.bytes > 4 && first + 4 < gen9::kBar0Bytes)
      value |= uint64_t{read_dword(first + 4)} << 32;
    return value >> low % 4 * 8 & ones(a.bytes);
  }
  if (high >= gen9::kApertureBytes) return ones(a.bytes);
  ++counts_.aperture_reads;
  check_aperture(high);
  gpu_->model.read_aperture(high, std::as_writable_bytes(std::span(&value, 1)).first(a.bytes));
  return value;
}

void Server::bar_write(const BarAccess& a) {
  if (a.bytes == 0 || a.bytes > 8 || !space_.decodes()) return;
  if (gpu_->registers.faults() & fault::kAllOnes) return;
  const uint64_t low = a.address - space_.bar(config::kBar0);
  const uint64_t high = a.address - space_.bar(config::kBar2);
  if (low < gen9::kBar0Bytes) {
    // The hardware takes whole dwords here, and drops what is not.
    if (low % 4 || a.bytes % 4) return;
    ++(low < gen9::kGttOffset ? counts_.register_writes : counts_.ggtt_writes);
    write_dword(low, static_cast<uint32_t>(a.value));
    if (a.bytes == 8) write_dword(low + 4, static_cast<uint32_t>(a.value >> 32));
  } else if (high < gen9::kApertureBytes) {
    ++counts_.aperture_writes;
    check_aperture(high);
    gpu_->model.write_aperture(high, std::as_bytes(std::span(&a.value, 1)).first(a.bytes));
  }
}

}  // namespace gpu::proxy
