// SPDX-License-Identifier: MIT
#include "hv/trace/text.h"

#include <charconv>
#include <optional>

#include "hv/result.h"
#include "hv/trace/hash.h"

namespace hv::trace {

namespace {
constexpr uint64_t kErrors = static_cast<uint64_t>(Error::io) + 1;

/// Takes the next word off the front; empty at the end.
std::string_view take_word(std::string_view& line) {
  const size_t from = std::min(line.find_first_not_of(' '), line.size());
  const size_t to = std::min(line.find(' ', from), line.size());
  const std::string_view word = line.substr(from, to - from);
  line.remove_prefix(to);
  return word;
}

/// The part of "name=rest" after the sign, if the name fits.
std::optional<std::string_view> value_of(std::string_view word, std::string_view name) {
  if (!word.starts_with(name) || word.size() <= name.size() || word[name.size()] != '=')
    return std::nullopt;
  return word.substr(name.size() + 1);
}

std::string hex(uint64_t v) {
  char buffer[16];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v, 16).ptr;
  return "0x" + std::string(buffer, end);
}

bool parse_number(std::string_view s, uint64_t& v) {
  const int base = s.starts_with("0x") ? 16 : 10;
  if (base == 16) s.remove_prefix(2);
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v, base);
  return error == std::errc{} && end == s.data() + s.size();
}

bool parse_status(std::string_view s, uint64_t& v) {
  for (v = 0; v <= kErrors; ++v)
    if (s == status_text(v)) return true;
  return parse_number(s, v);
}

bool parse_hex(std::string_view s, std::vector<std::byte>& out) {
  if (s.size() % 2 != 0 || s.size() / 2 > kMaxRecord) return false;
  out.resize(s.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    uint8_t b = 0;
    const char* p = s.data() + 2 * i;
    const auto [end, error] = std::from_chars(p, p + 2, b, 16);
    if (error != std::errc{} || end != p + 2) return false;
    out[i] = static_cast<std::byte>(b);
  }
  return true;
}

std::string missing(std::string_view name) { return "expected " + std::string(name) + "="; }
}  // namespace

std::string status_text(uint64_t code) {
  if (code == 0) return "ok";
  if (code > kErrors) return std::to_string(code);
  std::string s = error_name(static_cast<Error>(code - 1));
  for (char& c : s)
    if (c == ' ') c = '_';
  return s;
}

std::string to_text(const FileHeader& h) {
  return "xengvt-trace " + std::to_string(h.version) + " quirks=" + hex(h.quirks) +
         " device_id=" + hex(h.device_id) + " revision=" + std::to_string(h.revision);
}

std::string to_text(const Record& r, const Vocabulary& vocabulary) {
  const KindInfo& info = *vocabulary.find(r.kind);
  std::string line = std::string(info.name) + ' ' + std::to_string(r.subject);
  std::string_view args = info.args;
  for (size_t i = 0; !args.empty(); ++i) {
    const ArgInfo arg = take_arg(args);
    line += ' ' + std::string(arg.name) + '=';
    line += arg.form == 'x'   ? hex(r.args[i])
            : arg.form == 's' ? status_text(r.args[i])
                              : std::to_string(r.args[i]);
  }
  if (info.blob) line += ' ' + std::string(info.blob) + '=' + to_hex(r.blob);
  return line;
}

std::string from_text(std::string_view line, FileHeader& h) {
  if (take_word(line) != "xengvt-trace") return "not the text of a trace";
  uint64_t version = 0, device = 0, revision = 0;
  if (!parse_number(take_word(line), version) || version == 0 || version > kVersion)
    return "unknown version";
  const auto field = [&](std::string_view name, uint64_t& v) {
    const auto text = value_of(take_word(line), name);
    return text && parse_number(*text, v);
  };
  h = {};
  h.version = static_cast<uint32_t>(version);
  if (!field("quirks", h.quirks) || (h.quirks & ~kKnownQuirks) != 0) return "bad quirks";
  if (!field("device_id", device) || device > UINT16_MAX) return "bad device_id";
  if (!field("revision", revision) || revision > UINT8_MAX) return "bad revision";
  if (!take_word(line).empty()) return "more than a header";
  h.device_id = static_cast<uint16_t>(device);
  h.revision = static_cast<uint8_t>(revision);
  return {};
}

std::string from_text(std::string_view line, const Vocabulary& vocabulary, ParsedLine& out) {
  const std::string_view name = take_word(line);
  const KindInfo* info = vocabulary.find(name);
  if (!info) return "unknown kind " + std::string(name);
  out = {};
  out.record.kind = info->kind;
  uint64_t subject = 0;
  if (!parse_number(take_word(line), subject) || subject > UINT32_MAX) return "bad subject";
  out.record.subject = static_cast<uint32_t>(subject);
  std::string_view args = info->args;
  for (size_t i = 0; !args.empty(); ++i) {
    const ArgInfo arg = take_arg(args);
    const auto text = value_of(take_word(line), arg.name);
    if (!text) return missing(arg.name);
    uint64_t& v = out.record.args[i];
    if (!(arg.form == 's' ? parse_status(*text, v) : parse_number(*text, v)))
      return "bad " + std::string(arg.name);
  }
  if (info->blob) {
    const auto text = value_of(take_word(line), info->blob);
    if (!text) return missing(info->blob);
    if (!parse_hex(*text, out.blob)) return "bad " + std::string(info->blob);
    out.record.blob = out.blob;
  }
  return take_word(line).empty() ? "" : "more than the record has";
}

}  // namespace hv::trace
