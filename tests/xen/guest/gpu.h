// SPDX-License-Identifier: MIT
// A guest program's way to the GPU: i915's plain ioctls behind a few small types. Any call that
// fails ends the program with the call's name, since a test has nothing to do after that.
#pragma once
#include <fcntl.h>
#include <libdrm/i915_drm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

namespace guest {

inline void die(const char* what) {
  std::printf("bed: not ok %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

class Gpu {
 public:
  explicit Gpu(const char* node = "/dev/dri/renderD128") : fd_(open(node, O_RDWR | O_CLOEXEC)) {
    if (fd_ < 0) die(node);
  }
  template <class Argument>
  void call(unsigned long request, Argument& argument, const char* what) const {
    while (ioctl(fd_, request, &argument) != 0)
      if (errno != EINTR && errno != EAGAIN) die(what);
  }
  int fd() const { return fd_; }
  std::uint32_t create_context() const {
    drm_i915_gem_context_create context{};
    call(DRM_IOCTL_I915_GEM_CONTEXT_CREATE, context, "context create");
    return context.ctx_id;
  }

 private:
  int fd_;
};

// A buffer object, mapped write-back for the CPU.
class Buffer {
 public:
  Buffer(const Gpu& gpu, std::size_t bytes)
      : gpu_(gpu), bytes_((bytes + 4095) & ~std::size_t{4095}) {
    drm_i915_gem_create create{};
    create.size = bytes_;
    gpu.call(DRM_IOCTL_I915_GEM_CREATE, create, "gem create");
    handle_ = create.handle;
    words_ = map(I915_MMAP_OFFSET_WB);
  }
  // A buffer over memory of this process; it must be page-aligned.
  Buffer(const Gpu& gpu, void* memory, std::size_t bytes) : gpu_(gpu), bytes_(bytes) {
    drm_i915_gem_userptr user{};
    user.user_ptr = reinterpret_cast<std::uintptr_t>(memory);
    user.user_size = bytes;
    gpu.call(DRM_IOCTL_I915_GEM_USERPTR, user, "userptr");
    handle_ = user.handle;
    words_ = static_cast<std::uint32_t*>(memory);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    drm_gem_close close{};
    close.handle = handle_;
    gpu_.call(DRM_IOCTL_GEM_CLOSE, close, "gem close");
  }

  std::uint32_t handle() const { return handle_; }
  std::size_t size() const { return bytes_ / 4; }
  std::uint32_t& operator[](std::size_t index) { return words_[index]; }
  std::span<std::uint32_t> words() { return {words_, size()}; }

  // Another view of the same bytes; I915_MMAP_OFFSET_GTT is the one through the aperture.
  std::uint32_t* map(std::uint64_t how) const {
    drm_i915_gem_mmap_offset offset{};
    offset.handle = handle_;
    offset.flags = how;
    gpu_.call(DRM_IOCTL_I915_GEM_MMAP_OFFSET, offset, "mmap offset");
    void* at = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, gpu_.fd(),
                    static_cast<off_t>(offset.offset));
    if (at == MAP_FAILED) die("mmap");
    return static_cast<std::uint32_t*>(at);
  }
  // Waits for the GPU to be done with it, at most `seconds`; false if it is not.
  bool wait(int seconds = 60) const {
    drm_i915_gem_wait wait{};
    wait.bo_handle = handle_;
    wait.timeout_ns = seconds * std::int64_t{1'000'000'000};
    return ioctl(gpu_.fd(), DRM_IOCTL_I915_GEM_WAIT, &wait) == 0;
  }

 private:
  const Gpu& gpu_;
  std::size_t bytes_;
  std::uint32_t handle_ = 0;
  std::uint32_t* words_ = nullptr;
};

// One batch: commands with the addresses of buffers in them, by relocation or pinned by the
// program.
class Batch {
 public:
  explicit Batch(const Gpu& gpu) : gpu_(gpu), commands_(gpu, 16384) {}

  Batch& emit(std::uint32_t word) {
    commands_[used_++] = word;
    return *this;
  }
  // Gives a buffer a fixed address in the context's space, from here on.
  void pin(const Buffer& buffer, std::uint64_t address) {
    find(buffer).offset = address, find(buffer).flags |= EXEC_OBJECT_PINNED;
  }
  Batch& address(const Buffer& buffer, bool written, std::uint32_t delta = 0) {
    drm_i915_gem_exec_object2& object = find(buffer);
    if (written) object.flags |= EXEC_OBJECT_WRITE;
    if (!(object.flags & EXEC_OBJECT_PINNED)) {
      drm_i915_gem_relocation_entry entry{};
      entry.target_handle = buffer.handle();
      entry.delta = delta;
      entry.offset = used_ * 4;
      entry.presumed_offset = ~std::uint64_t{0};
      entry.read_domains = I915_GEM_DOMAIN_RENDER;
      entry.write_domain = written ? I915_GEM_DOMAIN_RENDER : 0;
      relocations_.push_back(entry);
    }
    const std::uint64_t at = object.offset + delta;
    return emit(static_cast<std::uint32_t>(at)).emit(static_cast<std::uint32_t>(at >> 32));
  }
  // Ends the batch and hands it to an engine; submitting again runs the same commands again.
  void submit(std::uint64_t engine, std::uint32_t context = 0) {
    if (!ended_) end();
    std::vector<drm_i915_gem_exec_object2> list = objects_;
    drm_i915_gem_exec_object2 self{};
    self.handle = commands_.handle();
    self.relocation_count = static_cast<std::uint32_t>(relocations_.size());
    self.relocs_ptr = reinterpret_cast<std::uintptr_t>(relocations_.data());
    list.push_back(self);
    drm_i915_gem_execbuffer2 run{};
    run.buffers_ptr = reinterpret_cast<std::uintptr_t>(list.data());
    run.buffer_count = static_cast<std::uint32_t>(list.size());
    run.batch_len = static_cast<std::uint32_t>(used_ * 4);
    run.flags = engine;
    run.rsvd1 = context;
    gpu_.call(DRM_IOCTL_I915_GEM_EXECBUFFER2, run, "execbuffer");
  }
  bool wait(int seconds = 60) const { return commands_.wait(seconds); }

 private:
  void end() {
    emit(0x0A << 23);
    if (used_ % 2 != 0) emit(0);  // i915 takes whole quadwords
    ended_ = true;
  }
  drm_i915_gem_exec_object2& find(const Buffer& buffer) {
    for (auto& object : objects_)
      if (object.handle == buffer.handle()) return object;
    drm_i915_gem_exec_object2 object{};
    object.handle = buffer.handle();
    object.flags = EXEC_OBJECT_SUPPORTS_48B_ADDRESS;
    return objects_.emplace_back(object);
  }
  const Gpu& gpu_;
  Buffer commands_;
  std::size_t used_ = 0;
  bool ended_ = false;
  std::vector<drm_i915_gem_exec_object2> objects_;
  std::vector<drm_i915_gem_relocation_entry> relocations_;
};

}  // namespace guest
