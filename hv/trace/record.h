// SPDX-License-Identifier: MIT
// One record of a trace, and the vocabulary that says which kinds there are.
//
// A record is {length, kind, subject, arguments as varints, blob}. The vocabulary is a table: the
// writer's order of arguments, the reader's checks, the text form and the documentation are one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "hv/trace/format.h"

namespace hv::trace {

/// Numbers are part of the format. Kinds from 64 on belong to users of this folder.
enum class Kind : uint8_t {
  // Inputs: what a guest does.
  trap_read = 1,
  trap_write = 2,
  page_write = 3,
  // What the core answered to an input.
  value = 8,
  // Everything else about the stream.
  clock = 16,
  outputs = 17,
  failed = 18,
  guest_page = 19,
  end = 20,
  guest_data = 21,
  gpu_page = 22,
  gpu_progress = 23,
  // Calls of hv::Domain.
  read = 32,
  write = 33,
  pin = 34,
  unpin = 35,
  protect = 36,
  unprotect = 37,
  place = 38,
  remove = 39,
  register_pages = 40,
  set_direct_read = 41,
  inject_msi = 42,
  show_ram = 43,
  hide_ram = 44,
  add_ram = 45,
  show_tiled = 46,
};

enum class Role : uint8_t {
  input,   ///< starts something: everything up to the next input is its consequence
  result,  ///< the core's answer to the input
  call,    ///< the core called a port
  note,    ///< about the stream itself
};

struct KindInfo {
  Kind kind{};
  Role role{};
  const char* name = nullptr;
  /// Names of the arguments in order, one space between; ":x" marks those shown in hexadecimal,
  /// ":s" a status (0 ok, else 1 + hv::Error), ":o" one that came later: 0 where it is missing.
  std::string_view args;
  const char* blob = nullptr;  ///< what the blob is, or nullptr if there is none
};

constexpr unsigned count_args(std::string_view args) {
  unsigned n = args.empty() ? 0 : 1;
  for (char c : args) n += c == ' ';
  return n;
}

struct ArgInfo {
  std::string_view name;
  char form = 0;  ///< 'x' hexadecimal, 's' status, 0 decimal
};

/// Takes the first argument's description off the front of KindInfo::args.
constexpr ArgInfo take_arg(std::string_view& args) {
  std::string_view word = args.substr(0, args.find(' '));
  args.remove_prefix(word.size() == args.size() ? word.size() : word.size() + 1);
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos) return {word, 0};
  return {word.substr(0, colon), word[colon + 1]};
}

/// The kinds a reader knows; a record of any other kind is refused.
class Vocabulary {
 public:
  constexpr Vocabulary(std::initializer_list<std::span<const KindInfo>> tables) {
    for (const auto& table : tables)
      for (const KindInfo& info : table) {
        const auto at = static_cast<uint8_t>(info.kind);
        info_[at] = &info;
        args_[at] = static_cast<uint8_t>(count_args(info.args));
      }
  }
  /// nullptr if unknown.
  [[nodiscard]] constexpr const KindInfo* find(Kind k) const {
    return info_[static_cast<uint8_t>(k)];
  }
  [[nodiscard]] constexpr unsigned args(Kind k) const { return args_[static_cast<uint8_t>(k)]; }
  [[nodiscard]] const KindInfo* find(std::string_view name) const {
    for (const KindInfo* info : info_)
      if (info && name == info->name) return info;
    return nullptr;
  }

 private:
  std::array<const KindInfo*, 256> info_{};
  std::array<uint8_t, 256> args_{};
};

/// The kinds of this folder.
inline constexpr KindInfo kHvKinds[] = {
    {Kind::trap_read, Role::input, "trap_read", "range offset:x size", nullptr},
    {Kind::trap_write, Role::input, "trap_write", "range offset:x size value:x", nullptr},
    {Kind::page_write, Role::input, "page_write", "address:x size", nullptr},
    {Kind::value, Role::result, "value", "value:x", nullptr},
    {Kind::clock, Role::note, "clock", "same delta", nullptr},
    {Kind::outputs, Role::call, "outputs", "count hash:x", nullptr},
    {Kind::failed, Role::call, "failed", "kind status:s hash:x", nullptr},
    {Kind::guest_page, Role::note, "guest_page", "gfn:x", "contents"},
    {Kind::end, Role::note, "end", "records", "state"},
    {Kind::guest_data, Role::note, "guest_data", "engine address:x", "contents"},
    {Kind::gpu_progress, Role::note, "gpu_progress", "engine bytes", nullptr},
    {Kind::gpu_page, Role::note, "gpu_page", "gfn:x bytes sum:x", nullptr},
    {Kind::read, Role::call, "read", "address:x bytes status:s", "data"},
    {Kind::write, Role::call, "write", "", nullptr},
    {Kind::pin, Role::call, "pin", "count", "pages"},
    {Kind::unpin, Role::call, "unpin", "", nullptr},
    {Kind::protect, Role::call, "protect", "", nullptr},
    {Kind::unprotect, Role::call, "unprotect", "", nullptr},
    {Kind::place, Role::call, "place", "range base:x bytes status:s", nullptr},
    {Kind::remove, Role::call, "remove", "range status:s", nullptr},
    {Kind::register_pages, Role::call, "register_pages", "range offset:x bytes:x status:s",
     nullptr},
    {Kind::set_direct_read, Role::call, "set_direct_read", "", nullptr},
    {Kind::inject_msi, Role::call, "inject_msi", "address:x data:x status:s", nullptr},
    {Kind::show_ram, Role::call, "show_ram", "range offset:x pages gfns:x status:s shown", nullptr},
    {Kind::hide_ram, Role::call, "hide_ram", "", nullptr},
    {Kind::add_ram, Role::call, "add_ram", "gfn:x pages status:s", nullptr},
    {Kind::show_tiled, Role::call, "show_tiled", "range offset:x pages gfns:x fence:x status:s",
     nullptr},
};

/// Says something besides what the core did; a closed replay skips it.
constexpr bool is_aside(Kind k) {
  return k == Kind::guest_page || k == Kind::guest_data || k == Kind::gpu_page ||
         k == Kind::gpu_progress;
}

struct Record {
  uint64_t index = 0;  ///< position in the trace, from 0
  Kind kind{};
  uint32_t subject = 0;  ///< 0: the session, GPU or clock; n: the n-th vGPU made
  std::array<uint64_t, kMaxArgs> args{};
  std::span<const std::byte> blob;  ///< valid until the reader moves on
};

inline constexpr size_t kVarintBytes = 10;

/// LEB128. Returns the bytes written, at most kVarintBytes.
inline size_t put_varint(std::byte* to, uint64_t v) {
  size_t n = 0;
  for (; v >= 0x80; v >>= 7) to[n++] = static_cast<std::byte>(v | 0x80);
  to[n++] = static_cast<std::byte>(v);
  return n;
}

/// Takes one off the front. False if it is cut off or does not fit 64 bits.
inline bool take_varint(std::span<const std::byte>& from, uint64_t& v) {
  v = 0;
  for (size_t i = 0; i < from.size() && i < kVarintBytes; ++i) {
    const auto b = static_cast<uint64_t>(from[i]);
    if (i == kVarintBytes - 1 && b > 1) return false;
    v |= (b & 0x7f) << (7 * i);
    if (b < 0x80) {
      from = from.subspan(i + 1);
      return true;
    }
  }
  return false;
}

/// Small signed differences as small numbers.
constexpr uint64_t zigzag(uint64_t difference) {
  return (difference << 1) ^ (uint64_t{0} - (difference >> 63));
}
constexpr uint64_t unzigzag(uint64_t v) { return (v >> 1) ^ (uint64_t{0} - (v & 1)); }

}  // namespace hv::trace
