// SPDX-License-Identifier: MIT
#include "dom0/cli/trace_describe.h"

#include <array>
#include <cstdio>

#include "hv/bits.h"
#include "hv/trace/text.h"
#include "mediator/register_table.h"
#include "mediator/trace/gpu.h"
#include "mediator/trace/kinds.h"
#include "shadow/gen9/commands.h"
#include "shadow/gen9/regs.h"

namespace cli {

namespace {
namespace kind = mediator::trace::kind;
using hv::trace::Kind;
using hv::trace::Record;

constexpr size_t kMaxCommandNames = 12;

template <class... T>
std::string text(const char* format, T... values) {
  char buffer[200];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

const char* engine_name(uint64_t engine) {
  return engine < gen9::kEngines ? gen9::kEngineInfo[engine].name : "no engine";
}

std::string context(uint64_t descriptor) {
  if (!(descriptor & gen9::descriptor::kValid)) return "nothing";
  return text("context %#llx at %#llx",
              static_cast<unsigned long long>(gen9::descriptor::ContextId::get(descriptor)),
              static_cast<unsigned long long>(descriptor & gen9::descriptor::Lrca::mask));
}

std::string contexts(std::span<const std::byte> descriptors) {
  std::string s;
  for (; descriptors.size() >= 8; descriptors = descriptors.subspan(8))
    s += (s.empty() ? "" : ", ") + context(hv::load<uint64_t>(descriptors.data()));
  return s;
}

const char* event_name(uint8_t event) {
  static constexpr std::array kNames{"complete", "preempted",     "user interrupt", "PC notify",
                                     "fault",    "command error", "reset done"};
  return event < kNames.size() ? kNames[event] : "?";
}

std::string events(std::span<const std::byte> bytes) {
  std::string s;
  constexpr size_t size = sizeof(mediator::trace::StoredEvent);
  for (; bytes.size() >= size; bytes = bytes.subspan(size)) {
    const auto e = hv::load<mediator::trace::StoredEvent>(bytes.data());
    s += (s.empty() ? "" : ", ") +
         text("%s %s context %#x", engine_name(e.engine), event_name(e.kind), e.context_id);
  }
  return s;
}

std::string registers(std::span<const std::byte> bytes) {
  std::string s;
  for (; bytes.size() >= 8 && s.size() < 200; bytes = bytes.subspan(8))
    s += (s.empty() ? "" : ", ") + mediator::register_name(hv::load<uint32_t>(bytes.data())) +
         text(" = %#x", hv::load<uint32_t>(bytes.data() + 4));
  return s + (bytes.size() >= 8 ? ", ..." : "");
}

/// The mediator's own kinds.
std::string mediator_meaning(const Record& r) {
  if (r.kind == kind::submit) return std::string(engine_name(r.args[0])) + ": " + contexts(r.blob);
  if (r.kind == kind::preempt || r.kind == kind::reset_engine || r.kind == kind::progress)
    return engine_name(r.args[0]);
  if (r.kind == kind::read_register)
    return mediator::register_name(static_cast<uint32_t>(r.args[0]));
  if (r.kind == kind::load_registers) return registers(r.blob);
  if (r.kind == kind::events) return events(r.blob);
  if (r.kind == kind::create) return {reinterpret_cast<const char*>(r.blob.data()), r.blob.size()};
  return {};
}

/// Walks the bytes as commands; false at what is none. Runs of one command are counted.
bool walk(gen9::EngineId engine, std::span<const std::byte> bytes, std::string& names) {
  const char* last = nullptr;
  size_t run = 0, listed = 0;
  const auto flush = [&] {
    if (!last || ++listed > kMaxCommandNames) return;
    names += std::string(" ") + last + (run > 1 ? "*" + std::to_string(run) : "");
  };
  while (!bytes.empty()) {
    if (bytes.size() < 4) return false;
    const auto dword = hv::load<uint32_t>(bytes.data());
    const gen9::CommandDesc* desc = gen9::find_command(engine, dword);
    const size_t length = desc ? size_t{4} * gen9::command_length(*desc, dword) : 0;
    if (length == 0 || length > bytes.size()) return false;
    if (desc->name != last) {
      flush();
      last = desc->name;
      run = 0;
    }
    ++run;
    bytes = bytes.subspan(length);
  }
  flush();
  if (listed > kMaxCommandNames) names += " ...";
  // Zeroes are MI_NOOPs too; a stream says more than that.
  return listed > 1;
}
}  // namespace

std::string describe_commands(std::span<const std::byte> bytes) {
  for (const gen9::EngineId engine : gen9::kAllEngines) {
    std::string names;
    if (walk(engine, bytes, names)) return gen9::info(engine).name + names;
  }
  return {};
}

std::string TraceDescriber::elsp(const Record& r, unsigned engine) {
  Elsp& e = elsp_[{r.subject, engine}];
  e.words[e.count++] = static_cast<uint32_t>(r.args[3]);
  if (e.count < 4) return {};
  e.count = 0;
  // The second element is written first, each high dword before its low one.
  const uint64_t second = uint64_t{e.words[0]} << 32 | e.words[1];
  const uint64_t first = uint64_t{e.words[2]} << 32 | e.words[3];
  return " submits " + context(first) +
         (second & gen9::descriptor::kValid ? ", then " + context(second) : "");
}

std::string TraceDescriber::trap(const Record& r, uint64_t offset) {
  if (r.args[0] == static_cast<uint64_t>(hv::Range::config))
    return text("config space %#llx", static_cast<unsigned long long>(offset));
  if (r.args[0] != static_cast<uint64_t>(hv::Range::bar0))
    return text("aperture %#llx", static_cast<unsigned long long>(offset));
  if (offset >= gen9::kGttOffset)
    return text("GGTT entry of %#llx",
                static_cast<unsigned long long>((offset - gen9::kGttOffset) / 8 << hv::kPageShift));
  if (offset >= gen9::kMmioBytes) return "between registers and GGTT";
  std::string s = mediator::register_name(static_cast<uint32_t>(offset & ~uint64_t{3}));
  if (r.kind != Kind::trap_write || r.args[2] != 4) return s;
  for (const gen9::EngineId engine : gen9::kAllEngines)
    if (offset == gen9::engine_reg(engine, gen9::rel::kElsp)) s += elsp(r, gen9::index(engine));
  return s;
}

std::string TraceDescriber::meaning(const Record& r) {
  switch (r.kind) {
    case Kind::clock: now_ += r.args[1]; return {};
    case Kind::trap_read:
    case Kind::trap_write: return trap(r, r.args[1]);
    case Kind::read: {
      const std::string commands = describe_commands(r.blob);
      return commands.empty() ? "" : "reads as " + commands;
    }
    case Kind::failed: {
      const auto* info = vocabulary_.find(static_cast<Kind>(r.args[0] & 0xff));
      return info && r.args[0] <= 0xff ? info->name : "";
    }
    default: return mediator_meaning(r);
  }
}

}  // namespace cli
