// SPDX-License-Identifier: MIT
// Execlist submissions inside an AUB file: the four writes to a submit port, and what the context
// image then says about ring and page tables.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "dom0/aub/memory.h"
#include "hv/result.h"
#include "shadow/gen9/engine.h"

namespace aub {

struct Submission {
  gen9::EngineId engine{};
  /// Context descriptors of the list, first to run first; an invalid one has bit 0 clear.
  std::array<uint64_t, 2> descriptors{};
};

/// Collects writes to the submit ports (ELSP).
class SubmitPorts {
 public:
  /// A submission when this was the last of four writes to a port; an error for hardware we are not
  /// (Gen11's submit queue).
  hv::Result<std::optional<Submission>, std::string> write(uint32_t offset, uint32_t value);
  /// True if some port has been written, but not four times.
  [[nodiscard]] bool unfinished() const;

 private:
  struct Port {
    std::array<uint32_t, 4> words{};
    unsigned count = 0;
  };
  std::array<Port, gen9::kEngines> ports_;
};

/// A context image's answer to: what runs, and through which tables?
struct ContextView {
  uint64_t lrca = 0;  ///< GGTT address of the image
  uint32_t ring_start = 0, ring_bytes = 0;
  uint32_t head = 0, tail = 0;  ///< byte offsets inside the ring, head's wrap count removed
  Ppgtt ppgtt;
};

hv::Result<ContextView, std::string> view_context(const Memory& memory, uint64_t descriptor);
/// What hardware saves when the ring is done: head becomes tail.
void retire_context(Memory& memory, const ContextView& context);

/// A sink that keeps the memory and calls back at each submission.
class Player : public Sink {
 public:
  SinkStatus header(const Header& h) override;
  SinkStatus physical_write(uint64_t address, std::span<const std::byte> data) override;
  SinkStatus ggtt_write(uint64_t address, std::span<const std::byte> data) override;
  SinkStatus ggtt_entry_write(uint64_t address, std::span<const std::byte> data) override;
  SinkStatus register_write(uint32_t offset, uint32_t value) override;
  SinkStatus register_poll(uint32_t, uint32_t, uint32_t) override { return {}; }

  /// Memory is as the file left it when the port was written.
  virtual SinkStatus submitted(const Submission& submission) = 0;

  [[nodiscard]] Memory& memory() { return memory_; }
  [[nodiscard]] const SubmitPorts& ports() const { return ports_; }
  [[nodiscard]] const Header& file_header() const { return header_; }

 private:
  Memory memory_;
  SubmitPorts ports_;
  Header header_;
};

}  // namespace aub
