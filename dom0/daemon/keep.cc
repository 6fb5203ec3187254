// SPDX-License-Identifier: MIT
#include "dom0/daemon/keep.h"

#include <fcntl.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dom0/daemon/report_json.h"

namespace xengvtd {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using hv::xen::PageRun;
using hv::xen::Record;

constexpr int kVersion = 1;
constexpr size_t kMaxFile = 1 << 20;

std::string to_hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string s;
  for (const uint8_t b : bytes) s += {kDigits[b >> 4], kDigits[b & 15]};
  return s;
}
void from_hex(std::string_view s, std::span<uint8_t> to) {
  if (s.size() != 2 * to.size()) throw std::runtime_error("hexadecimal of the wrong length");
  for (size_t i = 0; i < to.size(); ++i)
    to[i] = static_cast<uint8_t>(std::stoul(std::string(s.substr(2 * i, 2)), nullptr, 16));
}

json::object bar_json(const Record::Bar& b) {
  return {{"base", b.base}, {"bytes", b.bytes}, {"seat", b.seat}};
}
json::object block_json(const Record::Block& b) {
  json::array runs;
  for (const PageRun& r : b.in_guest) runs.push_back({r.first, r.count});
  return {{"range", static_cast<int>(b.range)},
          {"offset", b.offset},
          {"bytes", b.bytes},
          {"in_guest", std::move(runs)}};
}
json::object record_json(const Record& r) {
  json::array bars, blocks, shown;
  for (const Record::Bar& b : r.bars) bars.push_back(bar_json(b));
  for (const Record::Block& b : r.blocks) blocks.push_back(block_json(b));
  for (const Record::Shown& s : r.shown) shown.push_back({s.at, s.frame, s.pages});
  return {{"domain", r.domain.v},         {"uuid", to_hex(r.uuid)},   {"server", r.server},
          {"added_pages", r.added_pages}, {"paused", r.paused},       {"bars", std::move(bars)},
          {"blocks", std::move(blocks)},  {"shown", std::move(shown)}};
}

template <class T>
T number(const json::value& v, const char* key) {
  return v.at(key).to_number<T>();
}
hv::Range range_of(const json::value& v) {
  const auto n = number<unsigned>(v, "range");
  if (n >= hv::kRanges) throw std::runtime_error("no such range");
  return static_cast<hv::Range>(n);
}
Record::Block to_block(const json::value& v) {
  Record::Block b{range_of(v), number<uint64_t>(v, "offset"), number<uint64_t>(v, "bytes"), {}};
  for (const json::value& run : v.at("in_guest").as_array())
    b.in_guest.push_back(
        {run.as_array().at(0).to_number<size_t>(), run.as_array().at(1).to_number<size_t>()});
  return b;
}
Record to_record(const json::value& v) {
  Record r;
  r.domain = hv::DomId{number<uint16_t>(v, "domain")};
  from_hex(v.at("uuid").as_string(), r.uuid);
  r.server = number<uint16_t>(v, "server");
  r.added_pages = number<uint64_t>(v, "added_pages");
  r.paused = v.at("paused").as_bool();
  for (size_t i = 0; i < r.bars.size(); ++i) {
    const json::value& b = v.at("bars").as_array().at(i);
    r.bars[i] = {number<uint64_t>(b, "base"), number<uint64_t>(b, "bytes"),
                 number<uint64_t>(b, "seat")};
  }
  for (const json::value& b : v.at("blocks").as_array()) r.blocks.push_back(to_block(b));
  for (const json::value& s : v.at("shown").as_array()) {
    const json::array& a = s.as_array();
    r.shown.push_back({a.at(0).to_number<uint64_t>(), a.at(1).to_number<uint64_t>(),
                       a.at(2).to_number<uint64_t>()});
  }
  return r;
}
VgpuType to_type(const json::value& v) {
  return {std::string(v.at("name").as_string()), number<uint32_t>(v, "low_mib"),
          number<uint32_t>(v, "high_mib"),       number<uint32_t>(v, "fences"),
          number<uint32_t>(v, "width"),          number<uint32_t>(v, "height"),
          number<uint32_t>(v, "weight"),         number<uint32_t>(v, "maximum")};
}

json::object shares_json(const ShareSettings& s) {
  return {{"weight", s.share.weight},     {"cap", s.share.cap},
          {"fixed", s.share.fixed},       {"latency", static_cast<int>(s.share.latency)},
          {"slice_ns", s.share.slice_ns}, {"follow_weight", s.follow_weight},
          {"follow_cap", s.follow_cap},   {"boost", s.boost}};
}
ShareSettings to_shares(const json::value& v) {
  ShareSettings s;
  s.share.weight = number<uint32_t>(v, "weight");
  s.share.cap = number<uint32_t>(v, "cap");
  s.share.fixed = number<uint32_t>(v, "fixed");
  const auto latency = number<unsigned>(v, "latency");
  if (latency > static_cast<unsigned>(mediator::LatencyClass::interactive))
    throw std::runtime_error("no such latency class");
  s.share.latency = static_cast<mediator::LatencyClass>(latency);
  s.share.slice_ns = number<uint64_t>(v, "slice_ns");
  s.follow_weight = v.at("follow_weight").as_bool();
  s.follow_cap = v.at("follow_cap").as_bool();
  s.boost = v.at("boost").as_bool();
  if (const char* rule = mediator::broken_rule(s.share)) throw std::runtime_error(rule);
  return s;
}

bool write_file(const std::string& path, const std::string& text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

std::string encode_kept(const KeptGuest& g) {
  json::object o{{"version", kVersion},
                 {"backend", record_json(g.backend)},
                 {"name", g.name},
                 {"type", to_json(g.type)},
                 {"config", to_hex(g.config)},
                 {"failsafe", static_cast<int>(g.failsafe)},
                 {"paused", g.paused},
                 {"takeovers", g.takeovers},
                 {"taken_over_at", g.taken_over_at}};
  if (g.shares) o["shares"] = shares_json(*g.shares);
  return json::serialize(o);
}

hv::Result<KeptGuest, std::string> decode_kept(std::string_view text) try {
  const json::value v = json::parse(json::string_view(text.data(), text.size()));
  if (number<int>(v, "version") != kVersion) return std::string("of another version");
  KeptGuest g;
  g.backend = to_record(v.at("backend"));
  g.name = std::string(v.at("name").as_string());
  g.type = to_type(v.at("type"));
  from_hex(v.at("config").as_string(), g.config);
  const auto failsafe = number<unsigned>(v, "failsafe");
  if (failsafe > static_cast<unsigned>(mediator::FailsafeReason::repeated_hangs))
    return std::string("no such failsafe reason");
  g.failsafe = static_cast<mediator::FailsafeReason>(failsafe);
  g.paused = v.at("paused").as_bool();
  if (const json::value* s = v.as_object().if_contains("shares")) g.shares = to_shares(*s);
  g.takeovers = number<uint32_t>(v, "takeovers");
  g.taken_over_at = number<int64_t>(v, "taken_over_at");
  return g;
} catch (const std::exception& e) {
  return std::string(e.what());
}

std::string encode_kept_gpu(const KeptGpu& g) {
  return json::serialize(json::object{{"version", kVersion},
                                      {"policy", static_cast<int>(g.shares.policy)},
                                      {"slice_ns", g.shares.slice_ns},
                                      {"window_ns", g.shares.window_ns},
                                      {"holder", g.holder.v}});
}

hv::Result<KeptGpu, std::string> decode_kept_gpu(std::string_view text) try {
  const json::value v = json::parse(json::string_view(text.data(), text.size()));
  if (number<int>(v, "version") != kVersion) return std::string("of another version");
  const auto policy = number<unsigned>(v, "policy");
  if (policy > static_cast<unsigned>(mediator::Policy::exclusive))
    return std::string("no such policy");
  KeptGpu g;
  g.shares.policy = static_cast<mediator::Policy>(policy);
  g.shares.slice_ns = number<uint64_t>(v, "slice_ns");
  g.shares.window_ns = number<uint64_t>(v, "window_ns");
  g.holder = hv::DomId{number<uint16_t>(v, "holder")};
  if (const char* rule = mediator::broken_rule(g.shares, {}, true)) return std::string(rule);
  return g;
} catch (const std::exception& e) {
  return std::string(e.what());
}

std::string KeepFolder::file(hv::DomId domain, const char* end) const {
  return path_ + "/" + std::to_string(domain.v) + end;
}

KeepFolder::Found KeepFolder::load() const {
  Found found;
  std::error_code e;
  if (path_.empty()) return found;
  for (const auto& entry : fs::directory_iterator(path_, e)) {
    if (entry.path().extension() != ".json") continue;
    const std::string path = entry.path().string();
    std::ostringstream text;
    if (entry.file_size(e) <= kMaxFile) text << std::ifstream(path).rdbuf();
    auto guest = decode_kept(text.str());
    if (guest.ok())
      found.guests.push_back(std::move(*guest));
    else
      found.broken.push_back(path + ": " + guest.error());
  }
  return found;
}

std::string KeepFolder::replace(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  if (write_file(part, text) && ::rename(part.c_str(), path.c_str()) == 0) return {};
  const std::string why = std::strerror(errno);
  ::unlink(part.c_str());
  return path + ": " + why;
}

std::string KeepFolder::store(const KeptGuest& guest) {
  return path_.empty() ? "" : replace(file(guest.backend.domain, ".json"), encode_kept(guest));
}

hv::Result<std::optional<KeptGpu>, std::string> KeepFolder::load_gpu() const {
  std::error_code e;
  if (path_.empty() || !fs::exists(gpu_file(), e)) return std::optional<KeptGpu>();
  std::ostringstream text;
  if (fs::file_size(gpu_file(), e) <= kMaxFile) text << std::ifstream(gpu_file()).rdbuf();
  const auto gpu = decode_kept_gpu(text.str());
  if (!gpu.ok()) return gpu_file() + ": " + gpu.error();
  return std::optional(*gpu);
}

std::string KeepFolder::store_gpu(const KeptGpu& gpu) {
  return path_.empty() ? "" : replace(gpu_file(), encode_kept_gpu(gpu));
}

void KeepFolder::forget_gpu() {
  if (!path_.empty()) ::unlink(gpu_file().c_str());
}

void KeepFolder::forget(hv::DomId domain) {
  if (path_.empty()) return;
  for (const char* end : {".json", ".pages"}) ::unlink(file(domain, end).c_str());
}

Fd KeepFolder::pages(hv::DomId domain, bool fresh) {
  if (path_.empty()) return Fd();
  std::error_code ignored;
  fs::create_directories(path_, ignored);
  fs::permissions(path_, fs::perms::owner_all, ignored);
  return Fd(::open(file(domain, ".pages").c_str(),
                   O_RDWR | O_CLOEXEC | O_CREAT | (fresh ? O_TRUNC : 0), 0600));
}

}  // namespace xengvtd
