// SPDX-License-Identifier: MIT
// Gathers an AUB file's events into a script.
#include "dom0/guests/aub/script.h"

#include <algorithm>

#include "shadow/gen9/commands.h"
#include "shadow/gen9/regs.h"

namespace guests {

using aub::SinkStatus;

class AubScript::Builder final : public aub::Player {
 public:
  SinkStatus header(const aub::Header& h) override {
    if (h.blocks) return std::string("the older AUB format has no contexts to execute");
    script.device_id_ = h.device_id;
    return Player::header(h);
  }
  SinkStatus physical_write(uint64_t address, std::span<const std::byte> data) override {
    if (address > kMaxRam || data.size() > kMaxRam - address)
      return std::string("physical address above 2 GiB");
    script.ram_bytes_ = std::max(script.ram_bytes_, address + data.size());
    if (auto s = add(AubStep::Kind::physical, address, data); !s.ok()) return s;
    return Player::physical_write(address, data);
  }
  SinkStatus ggtt_write(uint64_t address, std::span<const std::byte> data) override {
    if (auto s = add(AubStep::Kind::ggtt, address, data); !s.ok()) return s;
    return Player::ggtt_write(address, data);
  }
  SinkStatus ggtt_entry_write(uint64_t address, std::span<const std::byte> data) override {
    if (address % 4 || data.size() % 4) return std::string("GGTT entry not aligned");
    if (address > gen9::kGttBytes || data.size() > gen9::kGttBytes - address)
      return std::string("GGTT entry beyond the table");
    if (auto s = add(AubStep::Kind::ggtt_entry, address, data); !s.ok()) return s;
    return Player::ggtt_entry_write(address, data);
  }
  SinkStatus register_write(uint32_t offset, uint32_t value) override {
    if (offset % 4 || offset >= gen9::kMmioBytes) return std::string("register beyond the table");
    script.steps_.push_back({AubStep::Kind::reg, offset, value});
    return Player::register_write(offset, value);
  }
  SinkStatus register_poll(uint32_t offset, uint32_t mask, uint32_t value) override {
    if (offset % 4 || offset >= gen9::kMmioBytes) return std::string("register beyond the table");
    script.steps_.push_back({AubStep::Kind::poll, offset, value, mask});
    return {};
  }
  SinkStatus ring_write(gen9::EngineId, std::span<const std::byte>) override {
    return std::string("legacy ring submission cannot be executed");
  }
  SinkStatus submitted(const aub::Submission& s) override {
    for (const uint64_t descriptor : s.descriptors) {
      if (!(descriptor & gen9::descriptor::kValid)) continue;
      auto view = aub::view_context(memory(), descriptor);
      if (!view.ok()) return view.error();
      note_space(view->ppgtt);
      note_batches(s.engine, *view);
      aub::retire_context(memory(), *view);
    }
    return {};
  }

  void finish() {
    for (const aub::Ppgtt& space : spaces_) {
      const auto pages = memory().mapped(space, kMaxMapped);
      script.mapped_.insert(script.mapped_.end(), pages.begin(), pages.end());
    }
    for (const auto& [index, entry] : memory().ggtt_entries()) cover(entry);
    for (const aub::MappedPage& p : script.mapped_) cover(p.frame << hv::kPageShift);
    script.ram_bytes_ = hv::align_up(script.ram_bytes_, hv::kPageSize);
  }

  AubScript script;

 private:
  SinkStatus add(AubStep::Kind kind, uint64_t address, std::span<const std::byte> data) {
    if (data.size() > kMaxBytes - std::min<uint64_t>(kMaxBytes, script.bytes_.size()))
      return std::string("more than 1 GiB of memory contents");
    script.steps_.push_back({kind, address, 0, 0, script.bytes_.size(), data.size()});
    script.bytes_.insert(script.bytes_.end(), data.begin(), data.end());
    return {};
  }
  // A page that is mapped has memory behind it even if the file never writes it.
  void cover(uint64_t physical) {
    physical &= 0x0000'7fff'ffff'f000;
    if (physical < kMaxRam)
      script.ram_bytes_ = std::max(script.ram_bytes_, physical + hv::kPageSize);
  }
  void note_space(const aub::Ppgtt& space) {
    const auto same = [&](const aub::Ppgtt& s) {
      return s.four_level == space.four_level && s.roots == space.roots;
    };
    if (std::none_of(spaces_.begin(), spaces_.end(), same)) spaces_.push_back(space);
  }
  void note_batches(gen9::EngineId engine, const aub::ContextView& v) {
    for (uint32_t at = v.head; at != v.tail;) {
      const uint32_t header = memory().ggtt_dword(v.ring_start + at);
      const gen9::CommandDesc* d = gen9::find_command(engine, header);
      const unsigned n = d ? gen9::command_length(*d, header) : 0;
      if (n == 0) return;
      if (d->id == gen9::Cmd::mi_batch_buffer_start && (header & hv::bit(8))) {
        const auto dword = [&](unsigned i) {
          return uint64_t{memory().ggtt_dword(v.ring_start + (at + 4 * i) % v.ring_bytes)};
        };
        script.batches_.push_back(
            {engine, dword(1) | dword(2) << 32, v.ppgtt.roots[0], script.steps_.size()});
      }
      at = (at + 4 * n) % v.ring_bytes;
      if (++commands_ > kMaxRingCommands) return;
    }
  }
  static constexpr uint64_t kMaxRingCommands = 10'000'000;
  uint64_t commands_ = 0;
  std::vector<aub::Ppgtt> spaces_;
};

hv::Result<AubScript, std::string> AubScript::load(aub::ByteSource& source) {
  Builder builder;
  if (auto read = aub::read_aub(source, builder); !read.ok()) return read.error().text();
  if (builder.ports().unfinished()) return std::string("a submission is incomplete");
  builder.finish();
  if (builder.script.ram_bytes_ == 0) return std::string("no memory contents");
  return std::move(builder.script);
}

hv::Result<AubScript, std::string> AubScript::load(const std::string& path) {
  auto source = aub::open_source(path);
  if (!source.ok()) return source.error();
  return load(**source);
}

}  // namespace guests
