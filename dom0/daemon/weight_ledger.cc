// SPDX-License-Identifier: MIT
#include "dom0/daemon/weight_ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dom0/daemon/fd.h"

namespace xengvtd {
namespace {

std::string hex(const DomainUuid& uuid) {
  std::string out;
  char byte[3];
  for (const uint8_t b : uuid) {
    std::snprintf(byte, sizeof byte, "%02x", b);
    out += byte;
  }
  return out;
}

bool parse_uuid(const std::string& text, DomainUuid& uuid) {
  if (text.size() != 2 * uuid.size()) return false;
  if (text.find_first_not_of("0123456789abcdef") != std::string::npos) return false;
  for (size_t i = 0; i < uuid.size(); ++i)
    uuid[i] = static_cast<uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  return true;
}

bool sane(uint64_t domain, uint64_t owners, uint64_t raised) {
  return domain <= UINT16_MAX && owners >= 1 && owners <= 65'535 && raised >= 1 && raised <= 65'535;
}

std::string problem(const std::string& path) { return path + ": " + std::strerror(errno); }

bool sync_folder(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const Fd fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.get()) == 0;
}

}  // namespace

std::vector<RaisedWeight> WeightLedger::read() const {
  std::vector<RaisedWeight> all;
  std::ifstream in(path_);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string uuid;
    uint64_t domain = 0, owners = 0, raised = 0;
    RaisedWeight entry;
    if (!(words >> uuid >> domain >> owners >> raised) || !parse_uuid(uuid, entry.uuid)) continue;
    if (!sane(domain, owners, raised)) continue;
    entry.domain = hv::DomId{static_cast<uint16_t>(domain)};
    entry.owners = static_cast<uint32_t>(owners);
    entry.raised = static_cast<uint32_t>(raised);
    all.push_back(entry);
  }
  return all;
}

std::string WeightLedger::write(const std::vector<RaisedWeight>& entries) {
  std::ostringstream text;
  for (const RaisedWeight& e : entries)
    text << hex(e.uuid) << ' ' << e.domain.v << ' ' << e.owners << ' ' << e.raised << '\n';
  const std::string bytes = text.str(), next = path_ + ".next";
  // Without systemd nobody has made the folder.
  const std::string folder = std::filesystem::path(path_).parent_path();
  std::error_code made;
  if (std::filesystem::create_directories(folder, made) && !sync_folder(folder))
    return problem(folder);
  {
    const Fd fd(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) return problem(next);
    if (::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      return problem(next);
    if (::fsync(fd.get()) != 0) return problem(next);
  }
  if (std::rename(next.c_str(), path_.c_str()) != 0) return problem(path_);
  return sync_folder(path_) ? "" : problem(path_);
}

std::string WeightLedger::add(const RaisedWeight& entry) {
  auto all = read();
  std::erase_if(all, [&](const RaisedWeight& e) { return e.uuid == entry.uuid; });
  all.push_back(entry);
  return write(all);
}

std::string WeightLedger::remove(const DomainUuid& uuid) {
  auto all = read();
  if (std::erase_if(all, [&](const RaisedWeight& e) { return e.uuid == uuid; }) == 0) return {};
  return write(all);
}

std::vector<std::string> WeightLedger::restore(CpuPort& port) {
  std::vector<std::string> failed;
  std::vector<RaisedWeight> left;
  const auto all = read();
  for (const RaisedWeight& e : all) {
    CpuView view;
    // Another domain of the same number, or a weight set since: not ours to change.
    if (!port.look(e.domain, true, view) || view.uuid != e.uuid || !view.share) continue;
    if (view.share->weight != e.raised) continue;
    if (const std::string why = port.set_weight(e.domain, e.owners); !why.empty()) {
      failed.push_back("domain " + std::to_string(e.domain.v) + ": CPU weight " +
                       std::to_string(e.owners) + " not put back: " + why);
      left.push_back(e);
    }
  }
  if (left.size() != all.size())
    if (const std::string why = write(left); !why.empty()) failed.push_back(why);
  return failed;
}

}  // namespace xengvtd
