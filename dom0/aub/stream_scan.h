// SPDX-License-Identifier: MIT
// Scans the streams of an AUB file by the mediator's rules: what is submitted, as the guest's
// driver would have submitted it, counted command by command.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "dom0/aub/submission.h"
#include "mediator/scanner.h"

namespace aub {

struct Rejection {
  uint64_t submission = 0;  ///< which one in the file, from 0
  gen9::EngineId engine{};
  const char* stream = "";  ///< "ring", "ggtt" or "ppgtt"
  uint64_t address = 0;     ///< of the stream
  mediator::Refusal refusal;
};

struct ScanReport {
  std::map<std::string, uint64_t> commands;
  uint64_t submissions = 0, batches = 0, bytes = 0;
  std::vector<Rejection> rejected;  ///< at most kMaxRejections
};
inline constexpr size_t kMaxRejections = 4096;

/// Bounds of one submission: a chain of batches may be a circle.
inline constexpr unsigned kMaxBatchesPerSubmission = 1u << 14;
inline constexpr uint64_t kMaxDwordsPerSubmission = uint64_t{64} << 20;

/// The sink that does it. Streams are scanned when they are submitted.
class StreamScan final : public Player {
 public:
  SinkStatus submitted(const Submission& submission) override;
  SinkStatus ring_write(gen9::EngineId engine, std::span<const std::byte> data) override;
  [[nodiscard]] ScanReport report() const;

 private:
  class Host;
  class BatchSource;
  struct Batch {
    uint64_t address;
    bool ggtt;
    unsigned level;
  };
  struct Run;
  SinkStatus scan_context(gen9::EngineId engine, uint64_t descriptor);
  void scan_all(Run& run, std::vector<uint32_t> ring, uint64_t ring_address);
  void scan_batch(Run& run, const Batch& batch);
  void finish(const Run& run, const char* stream, uint64_t address,
              const mediator::ScanOutcome& outcome, std::vector<uint32_t> copy, const Host& host);

  ScanReport report_;             // all but the commands
  std::vector<uint64_t> counts_;  // by row of the command table
};

}  // namespace aub
