// SPDX-License-Identifier: MIT
// An AUB file as steps to be played: memory writes, register writes, waits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dom0/aub/submission.h"
#include "hv/result.h"

namespace guests {

struct AubStep {
  enum class Kind : uint8_t { physical, ggtt, ggtt_entry, reg, poll } kind{};
  uint64_t address = 0;          ///< physical, GGTT, byte in the GGTT's table, or register
  uint32_t value = 0, mask = 0;  ///< registers
  size_t data = 0, bytes = 0;    ///< memory: where in the script's bytes
};

/// A batch that a submission's ring starts.
struct AubBatch {
  gen9::EngineId engine{};
  uint64_t address = 0;  ///< PPGTT
  uint64_t pml4 = 0;
  size_t step = 0;  ///< steps before this one have to be played first
};

class AubScript {
 public:
  /// Reads a whole file; the error is one line, without the file's name.
  static hv::Result<AubScript, std::string> load(const std::string& path);
  static hv::Result<AubScript, std::string> load(aub::ByteSource& source);

  [[nodiscard]] const std::vector<AubStep>& steps() const { return steps_; }
  [[nodiscard]] std::span<const std::byte> data(const AubStep& step) const {
    return std::span(bytes_).subspan(step.data, step.bytes);
  }
  /// RAM that holds every physical address written, in whole pages.
  [[nodiscard]] uint64_t ram_bytes() const { return ram_bytes_; }
  /// Pages mapped by the address spaces of the submitted contexts, each space ascending.
  [[nodiscard]] const std::vector<aub::MappedPage>& mapped() const { return mapped_; }
  [[nodiscard]] const std::vector<AubBatch>& batches() const { return batches_; }
  [[nodiscard]] uint16_t device_id() const { return device_id_; }

  /// What a file may ask for; more is refused as bad input.
  static constexpr uint64_t kMaxRam = uint64_t{2} << 30, kMaxBytes = uint64_t{1} << 30;
  static constexpr size_t kMaxMapped = kMaxRam >> hv::kPageShift;

 private:
  class Builder;
  std::vector<AubStep> steps_;
  std::vector<std::byte> bytes_;
  std::vector<aub::MappedPage> mapped_;
  std::vector<AubBatch> batches_;
  uint64_t ram_bytes_ = 0;
  uint16_t device_id_ = 0;
};

}  // namespace guests
