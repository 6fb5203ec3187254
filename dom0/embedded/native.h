// SPDX-License-Identifier: MIT
// One guest alone on the modelled GPU, with no mediator: the baseline.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dom0/gpu/model/model.h"
#include "dom0/guests/actor.h"
#include "dom0/guests/native_port.h"

namespace embedded {

class NativeHost {
 public:
  NativeHost(const gpu::model::Config& config, uint64_t ram_bytes);

  [[nodiscard]] guests::GuestPort& port() { return port_; }
  [[nodiscard]] gpu::model::Model& model() { return model_; }
  /// Boots; empty, or why it could not.
  std::string boot(std::unique_ptr<guests::Actor> actor);
  [[nodiscard]] guests::Actor* actor() { return actor_.get(); }
  /// Runs until the actor finished (true), or virtual time `until` or `keep_going` ends it.
  bool run(uint64_t until, const std::function<bool()>& keep_going = {});
  [[nodiscard]] uint64_t gpu_ns() const;

 private:
  guests::FlatMemory memory_;
  gpu::model::Model model_;
  guests::NativePort port_;
  std::unique_ptr<guests::Actor> actor_;
};

}  // namespace embedded
