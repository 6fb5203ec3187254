// SPDX-License-Identifier: MIT
// Runs a decoded blit: band by band of rows, so that tiled surfaces move in large pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dom0/gpu/model/blit_job.h"

namespace gpu::model {

class BlitRunner {
 public:
  /// `scratch` is working memory, of any content and size.
  BlitRunner(const BlitJob& job, GraphicsMemory& memory, std::vector<std::byte>& scratch)
      : job_(job), memory_(memory), scratch_(scratch) {}
  /// Bytes read plus written.
  uint64_t run();

 private:
  bool clip();
  void plan();
  void lay_out();
  void make_write_mask();
  void make_pattern();
  void make_pattern_row(unsigned row, const std::byte* colours);
  [[nodiscard]] bool bottom_up() const;

  void run_band(int32_t y, uint32_t rows);
  void run_row(int32_t y, const std::byte* source, std::byte* to);
  void expand_mono(int32_t y);
  const std::byte* row_mask(int32_t y, const std::byte* source, const std::byte* old);
  [[nodiscard]] ByteRect destination_rect(int32_t y, uint32_t rows) const;
  [[nodiscard]] ByteRect source_rect(int32_t y, uint32_t rows) const;
  [[nodiscard]] unsigned pattern_row(int32_t y) const;

  const BlitJob& job_;
  GraphicsMemory& memory_;
  std::vector<std::byte>& scratch_;
  uint64_t moved_ = 0;

  Rect rect_{};         ///< what is left after clipping, pixels
  uint32_t bytes_ = 0;  ///< of one row
  size_t line_ = 0;     ///< bytes_ rounded up to whole words: what a line of scratch holds
  uint32_t band_rows_ = 1;
  bool loads_source_ = false, loads_destination_ = false;
  bool masked_ = false;      ///< some bits keep what was there
  bool filled_ = false;      ///< destination_ holds the one row of a plain fill
  bool row_masked_ = false;  ///< and which, differs from row to row

  // Lines of scratch.
  std::byte *source_ = nullptr, *destination_ = nullptr;  // a band each
  std::byte *zero_ = nullptr, *old_ = nullptr, *mask_ = nullptr, *write_mask_ = nullptr;
  std::byte *mono_ = nullptr, *mono_mask_ = nullptr, *bits_ = nullptr;
  std::byte *pattern_ = nullptr, *pattern_mask_ = nullptr;  // 8 rows each
};

}  // namespace gpu::model
