// SPDX-License-Identifier: MIT
// Four scenes: bouncing squares, gradient bars, a star field with a clock, and pages of text.
#include <array>
#include <cstdio>
#include <string>

#include "dom0/guests/painter/scene.h"

namespace guests {
namespace {

constexpr uint32_t rgb(uint32_t r, uint32_t g, uint32_t b) { return r << 16 | g << 8 | b; }

uint32_t mix(uint32_t x) {  // a 32-bit finaliser: spreads neighbouring seeds apart
  x = (x ^ x >> 16) * 0x45d9f3b;
  x = (x ^ x >> 16) * 0x45d9f3b;
  return x ^ x >> 16;
}

/// A triangle wave of the given period, 0 to 255.
uint32_t wave(uint64_t t, uint32_t period) {
  const auto p = static_cast<uint32_t>(t % period) * 510 / period;
  return p < 256 ? p : 510 - p;
}

/// Position of something that bounces between 0 and `limit`.
int bounce(uint64_t t, uint32_t speed, uint32_t start, int limit) {
  if (limit <= 0) return 0;
  const auto span = static_cast<uint64_t>(limit) * 2;
  const auto p = static_cast<int>((start + t * speed) % span);
  return p < limit ? p : 2 * limit - p;
}

Rect whole(const Surface& s) {
  return {0, 0, static_cast<int>(s.width), static_cast<int>(s.height)};
}

class Squares final : public Scene {
 public:
  explicit Squares(uint32_t seed) : seed_(seed) {}
  [[nodiscard]] std::string_view name() const override { return "squares"; }
  void draw(uint64_t n, const Surface& back, const Surface&, Frame& out) override {
    out.emplace_back(back).fill(whole(back), rgb(16, 24, 40));
    Canvas& grid = out.emplace_back(back);
    for (int x = 0; x < static_cast<int>(back.width); x += 64)
      grid.fill({x, 0, 1, static_cast<int>(back.height)}, rgb(32, 48, 72));
    Canvas& c = out.emplace_back(back);
    for (uint32_t i = 0; i < 24; ++i) square(c, n, mix(seed_ * 64 + i));
  }

 private:
  static void square(Canvas& c, uint64_t n, uint32_t r) {
    const int size = 24 + static_cast<int>(r % 96);
    const Surface& s = c.surface();
    const Rect at{bounce(n, 1 + (r >> 8) % 9, r % 4096, static_cast<int>(s.width) - size),
                  bounce(n, 1 + (r >> 12) % 9, r % 2048, static_cast<int>(s.height) - size), size,
                  size};
    c.fill(at, r | 0x404040);
    c.fill({at.x + 4, at.y + 4, size - 8, size - 8}, (r >> 1 & 0x7f7f7f) | 0x101010);
  }
  uint32_t seed_;
};

class Bars final : public Scene {
 public:
  explicit Bars(uint32_t seed) : seed_(seed) {}
  [[nodiscard]] std::string_view name() const override { return "bars"; }
  void draw(uint64_t n, const Surface& back, const Surface& front, Frame& out) override {
    const int bar = static_cast<int>(back.width) / 64, height = static_cast<int>(back.height);
    Canvas& top = out.emplace_back(back);
    for (int i = 0; i < 64; ++i) {
      const uint64_t t = n * 3 + static_cast<uint64_t>(i) * 8 + seed_ % 509;
      top.fill({i * bar, 0, i == 63 ? 2 * bar : bar, height / 2},
               rgb(wave(t, 256), wave(t + 90, 320), wave(t * 2, 448)));
    }
    // The lower half slides: what was on the screen, moved, and the top's edge behind it.
    Canvas& slide = out.emplace_back(back);
    const int step = 8, low = height / 2;
    slide.fast_copy(front, 0, low,
                    {0, low + step, static_cast<int>(back.width), height - low - step});
    Canvas& edge = out.emplace_back(back);
    edge.copy(back, 0, 0, {0, low, static_cast<int>(back.width), step});
  }

 private:
  uint32_t seed_;
};

class Stars final : public Scene {
 public:
  explicit Stars(uint32_t seed) : seed_(seed) {}
  [[nodiscard]] std::string_view name() const override { return "stars"; }
  void draw(uint64_t n, const Surface& back, const Surface&, Frame& out) override {
    out.emplace_back(back).fill(whole(back), 0);
    Canvas& sky = out.emplace_back(back);
    for (uint32_t i = 0; i < 240; ++i) {
      const uint32_t r = mix(seed_ * 977 + i), depth = 1 + r % 4;
      const int x = static_cast<int>((r >> 4 & 0xffff) % back.width + n * depth) %
                    static_cast<int>(back.width);
      const int y = static_cast<int>((r >> 12) % back.height);
      const auto size = static_cast<int>(depth);
      sky.fill({x, y, size, size}, 0x303030 * depth + (r & 0x1f));
    }
    clock(n, out.emplace_back(back));
  }

 private:
  // Seven-segment digits: bit 0 top, then clockwise, bit 6 the middle.
  static void digit(Canvas& c, int x, int y, unsigned value) {
    static constexpr std::array<uint8_t, 10> kSegments{0x3f, 0x06, 0x5b, 0x4f, 0x66,
                                                       0x6d, 0x7d, 0x07, 0x7f, 0x6f};
    static constexpr std::array<Rect, 7> kShapes{{{8, 0, 40, 8},
                                                  {48, 8, 8, 40},
                                                  {48, 56, 8, 40},
                                                  {8, 96, 40, 8},
                                                  {0, 56, 8, 40},
                                                  {0, 8, 8, 40},
                                                  {8, 48, 40, 8}}};
    for (unsigned i = 0; i < 7; ++i) {
      const Rect& r = kShapes[i];
      const bool lit = kSegments[value % 10] >> i & 1;
      c.fill({x + r.x, y + r.y, r.width, r.height}, lit ? rgb(255, 96, 32) : rgb(40, 16, 8));
    }
  }
  static void clock(uint64_t n, Canvas& c) {
    const uint64_t seconds = n / 60, frames = n % 60;
    const unsigned digits[] = {
        static_cast<unsigned>(seconds / 10 % 10), static_cast<unsigned>(seconds % 10),
        static_cast<unsigned>(frames / 10), static_cast<unsigned>(frames % 10)};
    const int left = static_cast<int>(c.surface().width) / 2 - 150;
    const int top = static_cast<int>(c.surface().height) / 2 - 52;
    for (int i = 0; i < 4; ++i) digit(c, left + i * 72 + (i > 1 ? 28 : 0), top, digits[i]);
  }
  uint32_t seed_;
};

class Pages final : public Scene {
 public:
  explicit Pages(uint32_t seed) : seed_(seed) {}
  [[nodiscard]] std::string_view name() const override { return "text"; }
  void draw(uint64_t n, const Surface& back, const Surface&, Frame& out) override {
    const uint32_t paper = rgb(8, 8, 48 + (seed_ & 31)), ink = rgb(200, 220, 160);
    out.emplace_back(back).fill(whole(back), paper);
    Canvas& page = out.emplace_back(back);
    const auto lines = static_cast<uint64_t>(back.height) / 20 - 3;
    // Typed a character a frame; a full page starts again.
    const uint64_t typed = (n * 4) % (lines * 48);
    for (uint64_t i = 0; i * 48 < typed; ++i) {
      const std::string text = line(i + (n * 4) / (lines * 48) * lines);
      page.text(24, 56 + static_cast<int>(i) * 20,
                text.substr(0, std::min<uint64_t>(48, typed - i * 48)), ink, paper);
    }
    char title[48];
    std::snprintf(title, sizeof title, "GUEST %u  FRAME %llu", seed_ % 100,
                  static_cast<unsigned long long>(n));
    Canvas& head = out.emplace_back(back);
    head.fill({0, 0, static_cast<int>(back.width), 40}, rgb(32, 64, 128));
    head.text(24, 12, title, rgb(255, 255, 255), rgb(32, 64, 128));
  }

 private:
  [[nodiscard]] std::string line(uint64_t number) const {
    static constexpr std::array<std::string_view, 8> kWords{"RING", "CONTEXT", "BATCH", "SHADOW",
                                                            "PAGE", "TABLE",   "FENCE", "ENGINE"};
    std::string text = std::to_string(number) + ": ";
    for (uint32_t i = 0; text.size() < 48; ++i)
      text += std::string(kWords[mix(seed_ + static_cast<uint32_t>(number) * 31 + i) % 8]) + " ";
    return text.substr(0, 48);
  }
  uint32_t seed_;
};

}  // namespace

std::unique_ptr<Scene> make_scene(unsigned which, uint32_t seed) {
  switch (which % kScenes) {
    case 0: return std::make_unique<Squares>(seed);
    case 1: return std::make_unique<Bars>(seed);
    case 2: return std::make_unique<Stars>(seed);
    default: return std::make_unique<Pages>(seed);
  }
}

}  // namespace guests
