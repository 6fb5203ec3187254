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
#include <ctime>
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
  /// In an address space of its own, or in one that create_space() made.
  std::uint32_t create_context(std::uint32_t space = 0) const {
    drm_i915_gem_context_create_ext_setparam in{};
    in.base.name = I915_CONTEXT_CREATE_EXT_SETPARAM;
    in.param.param = I915_CONTEXT_PARAM_VM;
    in.param.value = space;
    drm_i915_gem_context_create_ext context{};
    if (space) {
      context.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS;
      context.extensions = reinterpret_cast<std::uintptr_t>(&in);
    }
    call(DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT, context, "context create");
    return context.ctx_id;
  }
  void destroy_context(std::uint32_t id) const {
    drm_i915_gem_context_destroy context{};
    context.ctx_id = id;
    call(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, context, "context destroy");
  }
  std::uint32_t create_space() const {
    drm_i915_gem_vm_control space{};
    call(DRM_IOCTL_I915_GEM_VM_CREATE, space, "vm create");
    return space.vm_id;
  }

  std::uint32_t create_sync_object() const {
    drm_syncobj_create object{};
    call(DRM_IOCTL_SYNCOBJ_CREATE, object, "syncobj create");
    return object.handle;
  }
  void destroy_sync_object(std::uint32_t handle) const {
    drm_syncobj_destroy object{};
    object.handle = handle;
    call(DRM_IOCTL_SYNCOBJ_DESTROY, object, "syncobj destroy");
  }
  /// Waits at most a minute; false if it was too short.
  bool wait_for(std::uint32_t sync_object) const {
    drm_syncobj_wait wait{};
    wait.handles = reinterpret_cast<std::uintptr_t>(&sync_object);
    wait.count_handles = 1;
    wait.timeout_nsec = in_a_minute();
    return ioctl(fd_, DRM_IOCTL_SYNCOBJ_WAIT, &wait) == 0;
  }
  bool wait_for_point(std::uint32_t sync_object, std::uint64_t point) const {
    drm_syncobj_timeline_wait wait{};
    wait.handles = reinterpret_cast<std::uintptr_t>(&sync_object);
    wait.points = reinterpret_cast<std::uintptr_t>(&point);
    wait.count_handles = 1;
    wait.timeout_nsec = in_a_minute();
    return ioctl(fd_, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait) == 0;
  }

 private:
  static std::int64_t in_a_minute() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec + 60) * std::int64_t{1'000'000'000};
  }
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
  // Copies by the kernel, of the whole buffer.
  void write(std::span<const std::uint32_t> from) const {
    drm_i915_gem_pwrite write{};
    write.handle = handle_;
    write.size = from.size_bytes();
    write.data_ptr = reinterpret_cast<std::uintptr_t>(from.data());
    gpu_.call(DRM_IOCTL_I915_GEM_PWRITE, write, "pwrite");
  }
  void read(std::span<std::uint32_t> to) const {
    drm_i915_gem_pread read{};
    read.handle = handle_;
    read.size = to.size_bytes();
    read.data_ptr = reinterpret_cast<std::uintptr_t>(to.data());
    gpu_.call(DRM_IOCTL_I915_GEM_PREAD, read, "pread");
  }
  void set_tiling(std::uint32_t mode, std::uint32_t pitch) const {
    drm_i915_gem_set_tiling tiling{};
    tiling.handle = handle_;
    tiling.tiling_mode = mode;
    tiling.stride = pitch;
    gpu_.call(DRM_IOCTL_I915_GEM_SET_TILING, tiling, "set tiling");
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
  // Nothing that the kernel knows of the buffers' other uses orders this batch.
  void ordered_by_fences_only() { ordered_ = false; }

  // Ends the batch and hands it to an engine; submitting again runs the same commands again.
  void submit(std::uint64_t engine, std::uint32_t context = 0) {
    drm_i915_gem_execbuffer2 call{};
    call.flags = engine;
    call.rsvd1 = context;
    run(call);
  }
  // Begins when the sync file `after` (or -1) has passed; gives the sync file of its own end.
  int submit_with_fence(std::uint64_t engine, std::uint32_t context, int after) {
    drm_i915_gem_execbuffer2 call{};
    call.flags = engine | I915_EXEC_FENCE_OUT | (after >= 0 ? I915_EXEC_FENCE_IN : 0);
    call.rsvd1 = context;
    call.rsvd2 = after >= 0 ? static_cast<std::uint32_t>(after) : 0;
    return static_cast<int>(run(call).rsvd2 >> 32);
  }
  void submit_with_objects(std::uint64_t engine, std::uint32_t context,
                           std::span<const drm_i915_gem_exec_fence> fences) {
    drm_i915_gem_execbuffer2 call{};
    call.flags = engine | I915_EXEC_FENCE_ARRAY;
    call.rsvd1 = context;
    call.cliprects_ptr = reinterpret_cast<std::uintptr_t>(fences.data());
    call.num_cliprects = static_cast<std::uint32_t>(fences.size());
    run(call);
  }
  // Begins at the point `after` (0: at once) of a timeline and is itself the point `point`.
  void submit_on_timeline(std::uint64_t engine, std::uint32_t line, std::uint64_t after,
                          std::uint64_t point) {
    const drm_i915_gem_exec_fence handles[] = {{line, I915_EXEC_FENCE_SIGNAL},
                                               {line, I915_EXEC_FENCE_WAIT}};
    const std::uint64_t values[] = {point, after};
    drm_i915_gem_execbuffer_ext_timeline_fences fences{};
    fences.base.name = DRM_I915_GEM_EXECBUFFER_EXT_TIMELINE_FENCES;
    fences.fence_count = after ? 2 : 1;
    fences.handles_ptr = reinterpret_cast<std::uintptr_t>(handles);
    fences.values_ptr = reinterpret_cast<std::uintptr_t>(values);
    drm_i915_gem_execbuffer2 call{};
    call.flags = engine | I915_EXEC_USE_EXTENSIONS;
    call.cliprects_ptr = reinterpret_cast<std::uintptr_t>(&fences);
    run(call);
  }
  bool wait(int seconds = 60) const { return commands_.wait(seconds); }

 private:
  drm_i915_gem_execbuffer2 run(drm_i915_gem_execbuffer2 call) {
    if (!ended_) end();
    std::vector<drm_i915_gem_exec_object2> list = objects_;
    if (!ordered_)
      for (auto& object : list) object.flags |= EXEC_OBJECT_ASYNC;
    drm_i915_gem_exec_object2 self{};
    self.handle = commands_.handle();
    self.relocation_count = static_cast<std::uint32_t>(relocations_.size());
    self.relocs_ptr = reinterpret_cast<std::uintptr_t>(relocations_.data());
    list.push_back(self);
    call.buffers_ptr = reinterpret_cast<std::uintptr_t>(list.data());
    call.buffer_count = static_cast<std::uint32_t>(list.size());
    call.batch_len = static_cast<std::uint32_t>(used_ * 4);
    const bool fence = call.flags & I915_EXEC_FENCE_OUT;
    gpu_.call(fence ? DRM_IOCTL_I915_GEM_EXECBUFFER2_WR : DRM_IOCTL_I915_GEM_EXECBUFFER2, call,
              "execbuffer");
    return call;
  }
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
  bool ended_ = false, ordered_ = true;
  std::vector<drm_i915_gem_exec_object2> objects_;
  std::vector<drm_i915_gem_relocation_entry> relocations_;
};

}  // namespace guest
