// SPDX-License-Identifier: MIT
// The steps of an AUB file, done by a guest's CPU.
#include "dom0/guests/aub/player.h"

#include <algorithm>
#include <array>

#include "dom0/guests/digest.h"
#include "dom0/guests/driver/pvinfo.h"
#include "shadow/gen9/pte.h"

namespace guests {
namespace {

// EXECLIST_STATUS bits 3 and 4: execlist 1, 0 valid. A producer that waits for one of them means:
// until what it submitted is done; which of the two it is, is the hardware's business.
constexpr uint32_t kListsValid = hv::bit(3) | hv::bit(4);

bool is_execlist_status(uint32_t offset) {
  return std::any_of(gen9::kAllEngines.begin(), gen9::kAllEngines.end(), [=](gen9::EngineId e) {
    return offset == gen9::engine_reg(e, gen9::rel::kExeclistStatusLo);
  });
}

}  // namespace

std::string AubPlayer::start() {
  if (!port_.virtual_gpu()) return {};
  // A vGPU expects of its guest that it knows what it runs on.
  auto info = read_pvinfo(port_);
  if (info.ok()) return {};
  return error_ = info.error();
}

bool AubPlayer::reached(uint32_t offset, uint32_t mask, uint32_t value) {
  const uint32_t now = port_.read32(offset);
  if (is_execlist_status(offset) && (mask & kListsValid) && !(value & kListsValid))
    return (now & kListsValid) == 0;
  return (now & mask) == (value & mask);
}

void AubPlayer::write_ggtt_entries(const AubStep& step) {
  const auto data = script_.data(step);
  for (size_t i = 0; i < data.size();) {
    const uint64_t at = step.address + i;
    const unsigned size = at % 8 || data.size() - i < 8 ? 4 : 8;
    const uint64_t v = size == 8 ? hv::load<uint64_t>(&data[i]) : hv::load<uint32_t>(&data[i]);
    port_.mmio_write(gen9::kGttOffset + at, size, v);
    uint64_t& entry = ggtt_[at / 8];
    if (size == 8) {
      entry = v;
    } else {
      const unsigned shift = at % 8 * 8;
      entry = (entry & ~(uint64_t{0xffff'ffff} << shift)) | v << shift;
    }
    i += size;
  }
}

bool AubPlayer::write_ggtt_memory(const AubStep& step) {
  const auto data = script_.data(step);
  for (size_t done = 0; done < data.size();) {
    const uint64_t at = step.address + done;
    const size_t n = std::min<size_t>(data.size() - done, hv::kPageSize - (at & hv::kPageMask));
    const auto entry = ggtt_.find(at >> hv::kPageShift);
    if (entry == ggtt_.end() || !(entry->second & gen9::kPtePresent)) return false;
    const hv::Gpa gpa{gen9::pte_address(entry->second) + (at & hv::kPageMask)};
    if (!port_.ram_write(gpa, data.subspan(done, n))) return false;
    done += n;
  }
  return true;
}

bool AubPlayer::play(const AubStep& step) {
  const auto offset = static_cast<uint32_t>(step.address);
  switch (step.kind) {
    case AubStep::Kind::physical:
      if (!port_.ram_write(hv::Gpa{step.address}, script_.data(step))) error_ = "no such memory";
      return true;
    case AubStep::Kind::ggtt:
      if (!write_ggtt_memory(step)) error_ = "a GGTT address that nothing is mapped at";
      return true;
    case AubStep::Kind::ggtt_entry: write_ggtt_entries(step); return true;
    case AubStep::Kind::reg: port_.write32(offset, step.value); return true;
    case AubStep::Kind::poll: return reached(offset, step.mask, step.value);
  }
  return true;
}

void AubPlayer::on_time() {
  while (error_.empty() && next_ < script_.steps().size()) {
    if (!play(script_.steps()[next_])) return;
    ++next_;
  }
  if (!error_.empty()) return;
  // A file may end without waiting for its last submission.
  drained_ = std::all_of(gen9::kAllEngines.begin(), gen9::kAllEngines.end(), [&](auto e) {
    return reached(gen9::engine_reg(e, gen9::rel::kExeclistStatusLo), kListsValid, 0);
  });
}

std::string memory_hash(GuestPort& port, std::span<const aub::MappedPage> pages) {
  Digest digest;
  std::array<std::byte, hv::kPageSize> page;
  for (const aub::MappedPage& p : pages) {
    digest.add(p.address);
    page.fill(std::byte{0});
    (void)port.ram_read(hv::Gpa{p.frame << hv::kPageShift}, page);
    digest.add(page);
  }
  return digest.hex();
}

}  // namespace guests
