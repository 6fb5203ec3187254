// SPDX-License-Identifier: MIT
// A guest that runs an AUB file's batches as its own work, over and over: the file's memory lies at
// its own physical addresses, the driver's above it.
#pragma once

#include <vector>

#include "dom0/guests/actor.h"
#include "dom0/guests/aub/script.h"
#include "dom0/guests/driver/driver.h"

namespace guests {

struct StreamConfig {
  uint64_t rounds = UINT64_MAX;   ///< times through the file
  uint64_t pause_ns = 2'000'000;  ///< between two times, as an application waits for a frame
  DriverConfig driver;
};

/// Guest RAM this script needs.
uint64_t stream_ram_bytes(const AubScript& script);

class StreamGuest final : public Actor {
 public:
  /// The script outlives the guest.
  StreamGuest(GuestPort& port, const AubScript& script, const StreamConfig& config);

  std::string start() override;
  void on_interrupt() override;
  void on_time() override;
  [[nodiscard]] uint64_t wake_ns() const override;
  [[nodiscard]] bool finished() const override { return state_ == State::finished; }
  [[nodiscard]] uint64_t rounds() const { return round_; }
  [[nodiscard]] const Driver& driver() const { return driver_; }

 private:
  enum class State : uint8_t { starting, running, pausing, finished };
  struct Space {
    gen9::EngineId engine;
    uint64_t pml4;
    Context* context;
  };
  void advance();
  bool step();
  void play_until(size_t step);
  void write_changed(uint64_t address, std::span<const std::byte> data);
  bool submit_next();
  Context* context_for(const AubBatch& batch);

  GuestPort& port_;
  const AubScript& script_;
  StreamConfig config_;
  Driver driver_;
  State state_ = State::starting;
  std::vector<Space> contexts_;
  size_t next_step_ = 0, next_batch_ = 0;
  Context* waiting_ = nullptr;
  uint32_t seqno_ = 0;
  uint64_t round_ = 0, resume_ns_ = UINT64_MAX;
};

}  // namespace guests
