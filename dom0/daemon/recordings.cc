// SPDX-License-Identifier: MIT
#include "dom0/daemon/recordings.h"

#include <algorithm>
#include <ctime>

namespace xengvtd {
namespace {

constexpr size_t kMaxWanted = 256;

/// A name as part of a file's: xl allows more in a domain's name than a path should hold.
std::string safe(std::string name) {
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (!plain) c = '_';
  }
  return name.substr(0, 64);
}

Problem cannot_see_memory() {
  return {"this GPU does not tell what it finds in guests' memory",
          "record everything, without --open: xengvt trace start -o TRACE"};
}

}  // namespace

void Recordings::follow(mediator::trace::Session* session) {
  if (observe_) observe_(nullptr);
  memory_.reset();
  session_ = session;
  observe_memory();
}

/// Hears of the GPU's accesses exactly while some recording needs it.
void Recordings::observe_memory() {
  const bool needed = session_ && ((whole_ && whole_open_) || hub_.any_guest());
  if (needed == (memory_ != nullptr)) return;
  if (needed) memory_ = std::make_unique<replay::MemoryRecorder>(*session_, bus_);
  observe_(needed ? memory_.get() : nullptr);
  if (!needed) memory_.reset();
}

Recordings::Done Recordings::start_whole(const std::string& path, bool open) {
  if (open && !observe_) return cannot_see_memory();
  hv::trace::FileHeader header;
  if (open) header.quirks |= hv::trace::kGuestData;
  auto file = std::make_unique<TraceFileWriter>(path, header, max_bytes());
  if (!file->error().empty()) return Problem{file->error(), "give a path that xengvtd can write"};
  whole_ = std::move(file);
  whole_open_ = open;
  hub_.set_whole(whole_.get());
  log_.info("recording into " + path);
  return {};
}

Recordings::Done Recordings::stop_whole() {
  if (!whole_) return {};
  if (memory_ && whole_open_) memory_->finish();
  (void)session_->finish();  // commit() tells
  hub_.set_whole(nullptr);
  session_->listen(hub_.active());
  const std::unique_ptr<TraceFileWriter> file = std::move(whole_);
  observe_memory();
  if (const std::string why = file->commit(); !why.empty())
    return Problem{"the trace is lost: " + why, "look at the disk"};
  log_.info("recorded " + file->path());
  return {};
}

Recordings::Done Recordings::want(const std::string& name, const std::string& path) {
  if (!observe_) return cannot_see_memory();
  for (const auto& [n, g] : guests_)
    if (g.name == name)
      return Problem{name + " is being recorded already: " + g.file->path(),
                     "stop it first: xengvt trace stop " + name};
  if (wanted_.size() >= kMaxWanted)
    return Problem{"too many recordings are waiting for their guests", "stop some of them"};
  wanted_[name] = path;
  return {};
}

Recordings::Done Recordings::stop(const std::string& name) {
  const auto g = std::ranges::find_if(guests_, [&](auto& p) { return p.second.name == name; });
  if (g != guests_.end()) return finish(g);
  if (wanted_.erase(name) != 0) return {};
  return Problem{name + " is not being recorded", "a recording starts before its guest does"};
}

std::string Recordings::path_for(const std::string& name, hv::DomId domain) {
  if (const auto w = wanted_.find(name); w != wanted_.end()) return wanted_.extract(w).mapped();
  if (config_.trace_folder.empty() || !observe_) return {};
  return config_.trace_folder + '/' + safe(name) + '-' + std::to_string(domain.v) + '-' +
         std::to_string(std::time(nullptr)) + ".xgt";
}

bool Recordings::begin(const std::string& name, hv::DomId domain) {
  const std::string path = path_for(name, domain);
  if (path.empty()) return false;
  const hv::trace::FileHeader header{.quirks = hv::trace::kGuestData | hv::trace::kOneGuest};
  auto file = std::make_unique<TraceFileWriter>(path, header, max_bytes());
  if (const std::string why = file->error(); !why.empty()) {
    log_.add(LogLevel::error, name, "not recorded: " + why);
    return false;
  }
  const uint32_t subject = session_->next_subject();
  hub_.begin_guest(subject, *file);
  guests_[subject] = {name, std::move(file)};
  session_->listen(true);
  observe_memory();
  log_.add(LogLevel::info, name, "recording into " + path);
  return true;
}

Recordings::Done Recordings::finish(Guests::iterator it) {
  if (memory_) memory_->finish_guest(it->first);
  hub_.end_guest(it->first);
  session_->listen(hub_.active());
  const Guest g = std::move(it->second);
  guests_.erase(it);
  observe_memory();
  (void)g.file->finish({});  // commit() tells
  if (const std::string why = g.file->commit(); !why.empty()) {
    log_.add(LogLevel::error, g.name, "the trace is lost: " + why);
    return Problem{"the trace is lost: " + why, "look at the disk"};
  }
  log_.add(LogLevel::info, g.name, "recorded " + g.file->path());
  return {};
}

void Recordings::end(uint32_t subject) {
  if (const auto it = guests_.find(subject); it != guests_.end()) (void)finish(it);
}

void Recordings::look() {
  if (whole_ && whole_->full()) {
    log_.warning("the recording ends at its bound: " + whole_->path());
    if (const auto done = stop_whole(); !done.ok()) log_.error(done.error().cause);
  }
  for (auto it = guests_.begin(); it != guests_.end();) {
    const auto guest = it++;
    if (!guest->second.file->full()) continue;
    log_.add(LogLevel::warning, guest->second.name, "its recording ends at its bound");
    (void)finish(guest);
  }
}

}  // namespace xengvtd
