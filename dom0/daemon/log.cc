// SPDX-License-Identifier: MIT
#include "dom0/daemon/log.h"

#include <chrono>

namespace xengvtd {
namespace {

constexpr size_t kMaxText = 500;
constexpr size_t kMaxRates = 1024;

int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// syslog priorities, as sd-daemon(3) has them.
int priority(LogLevel level) {
  switch (level) {
    case LogLevel::error: return 3;
    case LogLevel::warning: return 4;
    case LogLevel::info: return 6;
    case LogLevel::debug: return 7;
  }
  return 6;
}

}  // namespace

Log::Log(std::ostream& out, LogLevel level, bool journal)
    : out_(out), level_(level), journal_(journal) {}

bool Log::allowed(const std::string& guest, int64_t now_ms) {
  if (guest.empty()) return true;
  if (rates_.size() >= kMaxRates && !rates_.contains(guest)) rates_.clear();
  Rate& rate = rates_[guest];
  if (now_ms - rate.since_ms >= kGuestLogMs) {
    const unsigned dropped = rate.dropped;
    rate = {now_ms, 0, 0};
    if (dropped) put(LogLevel::warning, guest, std::to_string(dropped) + " lines dropped", now_ms);
  }
  if (rate.lines >= kGuestLogBurst) {
    ++rate.dropped;
    return false;
  }
  ++rate.lines;
  return true;
}

void Log::add(LogLevel level, const std::string& guest, std::string text) {
  if (level > level_) return;
  const std::lock_guard lock(mutex_);
  const int64_t now = unix_ms();
  if (allowed(guest, now)) put(level, guest, std::move(text), now);
}

void Log::put(LogLevel level, const std::string& guest, std::string text, int64_t now_ms) {
  if (text.size() > kMaxText) text.resize(kMaxText);
  // Names come from guests' owners; nothing may look like a second line.
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  if (journal_) out_ << '<' << priority(level) << '>';
  if (!journal_) out_ << "xengvtd: " << level_name(level) << ": ";
  if (!guest.empty()) out_ << guest << ": ";
  out_ << text << '\n' << std::flush;
  lines_.push_back({next_++, now_ms, level, guest, std::move(text)});
  if (lines_.size() > kLogLines) lines_.pop_front();
}

std::vector<LogLine> Log::lines(uint64_t after, size_t most) const {
  const std::lock_guard lock(mutex_);
  std::vector<LogLine> found;
  for (auto it = lines_.rbegin(); it != lines_.rend() && found.size() < most; ++it) {
    if (it->number <= after) break;
    found.push_back(*it);
  }
  return {found.rbegin(), found.rend()};
}

}  // namespace xengvtd
