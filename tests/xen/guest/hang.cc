// SPDX-License-Identifier: MIT
// Runs in a guest: batches that never end, which the guest's own driver has to find and get over.
// hang [SECONDS]: how long one may take to be found.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

#include "tests/xen/guest/gpu.h"

namespace guest {
namespace {

constexpr std::uint64_t kBatchAt = 0x2'0000'0000;
int g_failed = 0;

void report(const std::string& name, bool good) {
  std::printf("bed: %s %s\n", good ? "ok" : "not ok", name.c_str());
  g_failed += !good;
}

// A batch at a fixed address that jumps to its own beginning.
class Endless {
 public:
  Endless(const Gpu& gpu, bool arbitrates) : gpu_(gpu), commands_(gpu, 4096) {
    std::size_t at = 0;
    if (arbitrates) commands_[at++] = 0x05u << 23, commands_[at++] = 0;  // MI_ARB_CHECK
    commands_[at++] = 0x31u << 23 | 1u << 8 | 1;                         // MI_BATCH_BUFFER_START
    commands_[at++] = static_cast<std::uint32_t>(kBatchAt);
    commands_[at++] = static_cast<std::uint32_t>(kBatchAt >> 32);
    commands_[at++] = 0;
  }
  // 0, or what the driver says to it.
  int submit(std::uint64_t engine, std::uint32_t context) {
    drm_i915_gem_exec_object2 object{};
    object.handle = commands_.handle();
    object.offset = kBatchAt;
    object.flags = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;
    drm_i915_gem_execbuffer2 run{};
    run.buffers_ptr = reinterpret_cast<std::uintptr_t>(&object);
    run.buffer_count = 1;
    run.flags = engine;
    run.rsvd1 = context;
    return ioctl(gpu_.fd(), DRM_IOCTL_I915_GEM_EXECBUFFER2, &run) == 0 ? 0 : errno;
  }
  bool wait(int seconds) const { return commands_.wait(seconds); }

 private:
  const Gpu& gpu_;
  Buffer commands_;
};

drm_i915_reset_stats reset_stats(const Gpu& gpu, std::uint32_t context) {
  drm_i915_reset_stats stats{};
  stats.ctx_id = context;
  gpu.call(DRM_IOCTL_I915_GET_RESET_STATS, stats, "reset stats");
  return stats;
}

bool works(const Gpu& gpu, std::uint64_t engine, std::uint32_t context) {
  Buffer target(gpu, 4096);
  Batch batch(gpu);
  batch.emit(0x20u << 23 | 2).address(target, true, 64).emit(0xC0FFEE);
  batch.submit(engine, context);
  return batch.wait() && target[16] == 0xC0FFEE;
}

// The driver keeps a record of the first hang until somebody writes to it.
bool has_error_state() {
  const int file = open("/sys/class/drm/card0/error", O_RDWR | O_CLOEXEC);
  char text[4096] = {};
  const bool good = file >= 0 && read(file, text, sizeof(text) - 1) > 0 &&
                    std::strstr(text, "GPU HANG") != nullptr;
  if (file >= 0 && write(file, "1", 1) < 0) std::printf("bed: the record stays\n");
  if (file >= 0) close(file);
  return good;
}

void set_heartbeat_ms(unsigned ms) {
  std::ofstream file("/sys/class/drm/card0/engine/rcs0/heartbeat_interval_ms");
  if (!(file << ms << std::flush)) std::printf("bed: the heartbeat stays as it is\n");
}

void hang(const Gpu& gpu, const std::string& name, std::uint64_t engine, bool arbitrates,
          bool banned, int seconds) {
  const std::uint32_t guilty = gpu.create_context(), innocent = gpu.create_context();
  report(name + ": the engine works before", works(gpu, engine, innocent));
  Endless batch(gpu, arbitrates);
  const auto begin = std::chrono::steady_clock::now();
  report(name + ": the endless batch is taken", batch.submit(engine, guilty) == 0);
  report(name + ": it is ended", batch.wait(seconds));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  std::printf("bed: %s found after %.1f s\n", name.c_str(), spent.count());
  report(name + ": its context is the guilty one", reset_stats(gpu, guilty).batch_active == 1);
  report(name + ": the other context is not", reset_stats(gpu, innocent).batch_active == 0);
  report(name + ": there is a record of it", has_error_state());
  report(name + ": the engine works after", works(gpu, engine, innocent));
  if (!banned) return;
  // The driver bans at the third hang within two minutes; it need not take as long to see these.
  set_heartbeat_ms(500);
  for (int i = 0; i < 2 && batch.submit(engine, guilty) == 0; ++i) batch.wait(seconds);
  set_heartbeat_ms(2500);
  report(name + ": who hangs a third time is banned", batch.submit(engine, guilty) == EIO);
  report(name + ": the engine works at the end", works(gpu, engine, innocent));
}

}  // namespace
}  // namespace guest

int main(int argc, char** argv) {
  using namespace guest;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 60;
  const Gpu gpu;
  hang(gpu, "a loop without arbitration", I915_EXEC_RENDER, false, true, seconds);
  hang(gpu, "a loop with arbitration", I915_EXEC_RENDER, true, false, seconds);
  return g_failed != 0;
}
