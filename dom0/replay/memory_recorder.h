// SPDX-License-Identifier: MIT
// Writes down what the GPU finds in guests' memory, and what it leaves there, so that a recording
// can be played to a live GPU.
//
// The model tells of each access. What a guest's CPU wrote is noticed where the GPU reads it: the
// bytes there are compared with those that a replay would have. So nothing is searched for changes,
// and what the GPU never looks at costs nothing.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>

#include "dom0/gpu/model/model.h"
#include "dom0/replay/written_pages.h"
#include "mediator/trace/session.h"

namespace replay {

class MemoryRecorder final : public gpu::model::DmaObserver {
 public:
  /// `next` hears of every access too; may be nullptr. The session records with guest memory.
  MemoryRecorder(mediator::trace::Session& session, gpu::model::DmaBus& bus,
                 gpu::model::DmaObserver* next = nullptr)
      : session_(session), bus_(bus), next_(next) {
    session.before_access([this](uint32_t subject) { note_progress(subject); });
  }
  ~MemoryRecorder() override { session_.before_access({}); }
  MemoryRecorder(const MemoryRecorder&) = delete;
  MemoryRecorder& operator=(const MemoryRecorder&) = delete;

  void on_access(const gpu::model::DmaAccess& access) override;
  /// Notes what was written. Before the session's finish().
  void finish();
  /// The same for one guest, of which nothing is known afterwards.
  void finish_guest(uint32_t subject);

 private:
  using GuestPage = mediator::trace::Session::GuestPage;
  using Contents = std::array<std::byte, hv::kPageSize>;
  struct Page {
    GuestPage where;
    bool seen = false;                ///< a replay has something there
    std::unique_ptr<Contents> known;  ///< what a replay has there; nullptr if not kept
  };
  Page* page(hv::BusFrame frame);
  void read(Page& page, gen9::EngineId engine, const std::byte* memory);
  void note(const Page& page, gen9::EngineId engine, unsigned from, unsigned to);
  void note_progress(uint32_t subject);
  void settle();
  void note_written(uint32_t subject, const WrittenPages& pages);
  Contents& known(Page& page);

  mediator::trace::Session& session_;
  gpu::model::DmaBus& bus_;
  gpu::model::DmaObserver* next_;
  std::map<GuestPage, Page> pages_;
  std::unordered_map<hv::BusFrame, Page*> by_frame_;
  uint64_t by_frame_as_of_ = 0;
  size_t kept_ = 0;
  /// Bytes written to a guest's memory by each engine, and those that are noted.
  struct Engine {
    uint64_t written = 0, noted = 0;
  };
  std::map<uint32_t, std::array<Engine, gen9::kEngines>> engines_;
  std::map<uint32_t, WrittenPages> written_;  ///< by guest
  /// The write announced last: its bytes are there when the next access comes.
  struct {
    Page* page = nullptr;
    gen9::EngineId engine{};
    const std::byte* memory = nullptr;
    unsigned offset = 0, bytes = 0;
  } pending_;
};

}  // namespace replay
