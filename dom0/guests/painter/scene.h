// SPDX-License-Identifier: MIT
// What a drawing guest draws. A frame is a pure function of its number, so that two runs of the
// same scene can be compared byte for byte.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "dom0/guests/painter/canvas.h"

namespace guests {

/// One frame: batches to run in order.
using Frame = std::vector<Canvas>;

class Scene {
 public:
  virtual ~Scene() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Draws frame `number` onto `back`. `front` holds the frame before it.
  virtual void draw(uint64_t number, const Surface& back, const Surface& front, Frame& out) = 0;
};

inline constexpr unsigned kScenes = 4;
/// Scene `which` modulo kScenes; `seed` varies colours and motion between guests.
std::unique_ptr<Scene> make_scene(unsigned which, uint32_t seed);

}  // namespace guests
