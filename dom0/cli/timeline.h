// SPDX-License-Identifier: MIT
// Who had which engine when, from a replay of a recording; as a drawing and in the trace-event
// format that browsers' trace viewers read.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "mediator/trace/replay.h"

namespace cli {

/// One stay of a vGPU on an engine.
struct Stay {
  enum class End : uint8_t { complete, preempted, reset, open };
  gen9::EngineId engine{};
  hv::VgpuId vgpu{};
  uint64_t from_ns = 0, to_ns = 0;
  End end = End::open;
};
const char* end_name(Stay::End end);

class Timeline final : public mediator::trace::ReplayWatcher {
 public:
  void created(hv::VgpuId vgpu, const std::string& name) override;
  void submitted(gen9::EngineId engine, hv::VgpuId owner, std::span<const uint64_t> descriptors,
                 uint64_t now_ns) override;
  void happened(const mediator::GpuEvent& event) override;
  /// Cuts out [from, to) nanoseconds after the first stay; ends what is still under way.
  void finish(uint64_t from_ns, uint64_t to_ns);

  [[nodiscard]] const std::vector<Stay>& stays() const { return stays_; }
  [[nodiscard]] const std::string& name(hv::VgpuId vgpu) const;
  /// From the first stay on.
  [[nodiscard]] uint64_t length_ns() const;
  [[nodiscard]] uint64_t begin_ns() const { return begin_ns_; }

 private:
  struct Lane {
    bool busy = false;
    Stay stay;
    std::vector<uint32_t> contexts;  ///< ids still on the engine
  };
  void close(Lane& lane, uint64_t at, Stay::End end);
  std::array<Lane, gen9::kEngines> lanes_;
  std::vector<Stay> stays_;
  std::map<hv::VgpuId, std::string> names_;
  uint64_t last_ns_ = 0, begin_ns_ = 0;
};

std::string timeline_svg(const Timeline& timeline);
std::string timeline_json(const Timeline& timeline);

}  // namespace cli
