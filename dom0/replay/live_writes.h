// SPDX-License-Identifier: MIT
// What the modelled GPU writes into the memory of guests in this process.
#pragma once

#include <map>

#include "dom0/gpu/model/model.h"
#include "dom0/replay/script.h"
#include "hv/local/machine.h"

namespace replay {

class LiveWrites final : public gpu::model::DmaObserver {
 public:
  /// `next` hears of every access too; may be nullptr.
  LiveWrites(hv::local::Machine& machine, gpu::model::DmaObserver* next)
      : machine_(machine), next_(next) {}

  struct Guest {
    std::array<uint64_t, gen9::kEngines> written{};  ///< bytes, by engine
    WrittenPages pages;
  };
  /// Follows this domain from now on. The reference stays valid.
  const Guest& watch(hv::DomId domain) { return guests_[domain]; }
  /// Takes the write announced last into account.
  void settle();

  void on_access(const gpu::model::DmaAccess& access) override;

 private:
  hv::local::Machine& machine_;
  gpu::model::DmaObserver* next_;
  std::map<hv::DomId, Guest> guests_;
  struct {
    Guest* guest = nullptr;
    hv::Gfn gfn{};
    const std::byte* memory = nullptr;
    unsigned offset = 0, bytes = 0;
  } pending_;
};

}  // namespace replay
