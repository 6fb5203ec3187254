// SPDX-License-Identifier: MIT
// The AUB reader and what is made of a file: memory, submissions, contexts, page tables. Input: a
// file, plain or zstd.
#include <fstream>
#include <iterator>

#include "dom0/aub/submission.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/aub/aub_builder.h"

namespace {

/// Looks at every submission as the tools do; stops a file that goes on for ever.
class Looker final : public aub::Player {
 public:
  aub::SinkStatus submitted(const aub::Submission& submission) override {
    if (++submissions_ > 64) return std::string("enough");
    for (const uint64_t descriptor : submission.descriptors) {
      const auto view = aub::view_context(memory(), descriptor);
      if (!view.ok()) continue;
      FUZZ_REQUIRE(view->head < view->ring_bytes && view->tail < view->ring_bytes);
      (void)memory().mapped(view->ppgtt, 256);
      (void)memory().ggtt_dword(view->ring_start + view->head);
      aub::retire_context(memory(), *view);
    }
    return {};
  }
  aub::SinkStatus ring_write(gen9::EngineId, std::span<const std::byte>) override { return {}; }

 private:
  unsigned submissions_ = 0;
};

std::vector<uint8_t> file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto source = aub::memory_source(std::as_bytes(std::span(data, size)));
  Looker looker;
  const auto result = aub::read_aub(*source, looker);
  if (!result.ok()) {
    const std::string text = result.error().text();
    FUZZ_REQUIRE(!text.empty() && text.find('\n') == std::string::npos);
  }
  return 0;
}

std::vector<std::vector<uint8_t>> fuzz_seeds() {
  const uint32_t ring[] = {0x18800101, 0x200000, 0, 0};
  const uint32_t batch[] = {0x11000001, 0x2600, 1, 0x05000000};
  const auto bytes = aub::test::capture(ring, batch).bytes();
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  return {{p, p + bytes.size()},
          file("tests/corpus/aub/skl-compute-64.aub.zst"),
          file("tests/corpus/aub/skl-tri-256.aub.zst")};
}
